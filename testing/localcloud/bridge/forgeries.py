"""Tokens that nobody may be let in with: what an attacker sends, by name, with the error that AWS answers.

Each is made from what the issuer would rightly say of a job that may deploy, and differs from it in one way."""

import base64
import dataclasses
import hashlib
import hmac
import json
import time

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from issuer import GITHUB, Issuer
from jwt.algorithms import RSAAlgorithm

INVALID, EXPIRED, DENIED = "InvalidIdentityToken", "ExpiredTokenException", "AccessDenied"
# Longer than the five minutes of clock skew that IAM forgives.
TOO_LONG = 360


@dataclasses.dataclass(frozen=True)
class Attack:
    """What an attacker has: the issuer's public documents, a key of its own, and a job's claims to begin with."""

    issuer: Issuer
    claims: dict
    key: rsa.RSAPrivateKey

    def said(self, **changed):
        """The issuer signs it: other claims than those of the job that may deploy. `None` leaves one out."""
        claims = {**self.claims, **changed}
        return self.issuer.signed({name: value for name, value in claims.items() if value is not None})

    def own(self, **headers):
        """Signed with the attacker's key, as if it were the issuer's."""
        return jwt.encode(self.claims, self.key, algorithm="RS256", headers={"kid": self.issuer.kid, **headers})

    def by_hmac(self, secret):
        """HS256, for whoever takes the issuer's public key for a secret."""
        body = unsigned({"alg": "HS256", "typ": "JWT", "kid": self.issuer.kid}, self.claims)
        return f"{body}.{encoded(hmac.new(secret, body.encode(), hashlib.sha256).digest())}"

    def public(self, encoding, form):
        return self.issuer.key.public_key().public_bytes(encoding, form)

    def instead(self, old, new):
        """Another subject, which the issuer signs."""
        assert old in self.claims["sub"], self.claims["sub"]
        return self.said(sub=self.claims["sub"].replace(old, new))


def encoded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unsigned(header, claims):
    return ".".join(encoded(json.dumps(part).encode()) for part in (header, claims))


def soon():
    return int(time.time()) + TOO_LONG


def ago():
    return int(time.time()) - TOO_LONG


def altered(it):
    """Something else in a token that was signed, with its signature."""
    header, _, signature = it.said().split(".")
    return f"{header}.{encoded(json.dumps({**it.claims, 'actor': 'mallory'}).encode())}.{signature}"


def with_own_jwk(it):
    return it.own(jwk=json.loads(RSAAlgorithm.to_jwk(it.key.public_key())))


SIGNATURES = {
    "another key": (INVALID, lambda it: it.own()),
    "an unknown kid": (INVALID, lambda it: it.own(kid="unknown")),
    "the right key by an unknown kid": (
        INVALID, lambda it: jwt.encode(it.claims, it.issuer.key, algorithm="RS256", headers={"kid": "unknown"})),
    "a header that brings its own key": (INVALID, with_own_jwk),
    "a header that says where the keys are": (INVALID, lambda it: it.own(jku="http://127.0.0.1:1/jwks")),
    "no algorithm": (INVALID, lambda it: unsigned({"alg": "none", "kid": it.issuer.kid}, it.claims) + "."),
    "no algorithm, in large letters": (
        INVALID, lambda it: unsigned({"alg": "NONE", "kid": it.issuer.kid}, it.claims) + "."),
    "HS256 with the public key as PEM": (
        INVALID, lambda it: it.by_hmac(it.public(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))),
    "HS256 with the public key as DER": (
        INVALID, lambda it: it.by_hmac(it.public(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))),
    "HS256 with the public key as PKCS 1": (
        INVALID, lambda it: it.by_hmac(it.public(Encoding.PEM, PublicFormat.PKCS1))),
    "HS256 with nothing": (INVALID, lambda it: it.by_hmac(b"")),
    "no signature": (INVALID, lambda it: it.said().rpartition(".")[0] + "."),
    "a claim changed after it was signed": (INVALID, altered),
    "no token": (INVALID, lambda it: "token"),
}

CLAIMS = {
    "expired": (EXPIRED, lambda it: it.said(exp=ago())),
    "not yet valid": (INVALID, lambda it: it.said(nbf=soon())),
    "issued in the future": (INVALID, lambda it: it.said(iat=soon())),
    "another audience": (INVALID, lambda it: it.said(aud="https://github.com/acme")),
    "an audience of another place": (INVALID, lambda it: it.said(aud="sts.amazonaws.com.cn")),
    "no audience": (INVALID, lambda it: it.said(aud=None)),
    "no subject": (INVALID, lambda it: it.said(sub=None)),
    "no end": (INVALID, lambda it: it.said(exp=None)),
    "no time of issue": (INVALID, lambda it: it.said(iat=None)),
    "no issuer": (INVALID, lambda it: it.said(iss=None)),
    "another issuer": (INVALID, lambda it: it.said(iss="https://issuer.example")),
    "the issuer of a company at GitHub": (INVALID, lambda it: it.said(iss=f"{GITHUB}/acme")),
    "the issuer without TLS": (INVALID, lambda it: it.said(iss=GITHUB.replace("https", "http"))),
    "the issuer without a scheme": (INVALID, lambda it: it.said(iss=GITHUB.removeprefix("https://"))),
    "the issuer with a slash": (INVALID, lambda it: it.said(iss=f"{GITHUB}/")),
    "the issuer as the name of a user": (INVALID, lambda it: it.said(iss=f"{GITHUB}@issuer.example")),
    "no id of the repository": (DENIED, lambda it: it.said(repository_id=None)),
    "the id of another repository": (DENIED, lambda it: it.said(repository_id="666")),
}


def of_repository(name, id, owner_id=None):
    """What another repository's job is told."""

    def made(it):
        owner = it.claims["repository_owner_id"] if owner_id is None else owner_id
        sub = f"repo:{name.replace('/', f'@{owner}/')}@{id}:{it.claims['sub'].split(':', 2)[2]}"
        return it.said(sub=sub, repository=name, repository_id=str(id), repository_owner_id=str(owner))

    return DENIED, made


JOBS = {
    "another repository of the owner": of_repository("acme/web", 7),
    "a repository whose name begins alike": of_repository("acme/shop-evil", 7),
    "the same name with another id": of_repository("acme/shop", 666),
    "the same name of another owner": of_repository("acme/shop", 666, 666),
    "a fork": of_repository("mallory/shop", 666, 666),
    "the name in other letters": of_repository("Acme/Shop", 1317716765),
    "a subject of the form without ids": (
        DENIED, lambda it: it.said(sub=f"repo:{it.claims['repository']}:ref:refs/heads/main")),
    "a fork's pull request": (
        DENIED, lambda it: it.said(
            sub=it.claims["sub"].replace("ref:refs/heads/main", "pull_request"),
            event_name="pull_request", ref="refs/pull/1/merge")),
    "the merged branch of a pull request": (DENIED, lambda it: it.instead("refs/heads/main", "refs/pull/1/merge")),
    "a branch that begins alike": (DENIED, lambda it: it.instead("heads/main", "heads/main-evil")),
    "a branch below it": (DENIED, lambda it: it.instead("heads/main", "heads/main/evil")),
    "a branch that ends alike": (DENIED, lambda it: it.instead("heads/main", "heads/evil/main")),
    "a branch in other letters": (DENIED, lambda it: it.instead("heads/main", "heads/Main")),
    "a tag of the branch's name": (DENIED, lambda it: it.instead("refs/heads/main", "refs/tags/main")),
    "an environment": (DENIED, lambda it: it.instead("ref:refs/heads/main", "environment:prod")),
    "an environment called like the branch": (
        DENIED, lambda it: it.instead("ref:refs/heads/main", "environment:x%3Aref%3Arefs/heads/main")),
    "a subject with more behind it": (DENIED, lambda it: it.instead("heads/main", "heads/main:environment:x")),
    "a wildcard": (DENIED, lambda it: it.said(sub="repo:*")),
    "several subjects": (INVALID, lambda it: it.said(sub=[it.claims["sub"]])),
}

FORGERIES = {**SIGNATURES, **CLAIMS, **JOBS}


def forgeries(issuer, job):
    """Each forged token, made for a job of acme/shop that may deploy from its main branch: name, expected error, token."""
    attack = Attack(issuer, issuer.claims(job), rsa.generate_private_key(public_exponent=65537, key_size=2048))
    for name, (code, made) in FORGERIES.items():
        yield name, code, made(attack)
