"""GitHub as an issuer of tokens, on this machine: it tells what a workflow's job is, signed, and shows its public keys.

It listens on 127.0.0.1, on a port of its own, and knows nothing of the local cloud. Its private key is made when it starts
and stays in this process."""

import dataclasses
import json
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

GITHUB = "https://token.actions.githubusercontent.com"
# What aws-actions/configure-aws-credentials asks for.
AUDIENCE = "sts.amazonaws.com"
# GitHub's tokens: from ten minutes before they are issued until five after.
VALID_BEFORE_SECONDS, VALID_SECONDS = 600, 300


@dataclasses.dataclass(frozen=True)
class Job:
    """A job of a workflow, as its token tells it."""

    repository: str
    repository_id: int
    owner_id: int
    ref: str = "refs/heads/main"
    environment: str | None = None
    event: str = "push"
    # `ids` or `names`: repositories from before 15 July 2026.
    subject: str = "ids"

    def claims(self):
        owner, name = self.repository.split("/")
        workflow = f"{self.repository}/.github/workflows/deploy.yaml@{self.ref}"
        environment = {} if self.environment is None else {"environment": self.environment}
        return {
            "sub": f"repo:{self.named(owner, name)}:{self.context()}",
            "repository": self.repository, "repository_id": str(self.repository_id),
            "repository_owner": owner, "repository_owner_id": str(self.owner_id),
            "repository_visibility": "private", "ref": self.ref, "ref_type": "branch", "ref_protected": "true",
            "event_name": self.event, "actor": "alice", "actor_id": "1000001", "workflow": "deploy",
            "workflow_ref": workflow, "job_workflow_ref": workflow, "run_id": "1", "run_attempt": "1",
            "runner_environment": "github-hosted", **environment,
        }

    def named(self, owner, name):
        return f"{owner}/{name}" if self.subject == "names" else f"{owner}@{self.owner_id}/{name}@{self.repository_id}"

    def context(self):
        """An environment or a branch, never both; of a pull request neither."""
        if self.environment is not None:
            return f"environment:{self.environment.replace(':', '%3A')}"
        return "pull_request" if self.event == "pull_request" else f"ref:{self.ref}"


class Issuer:
    """One issuer, by its URL: who asks for what is at that URL asks at `address` instead."""

    def __init__(self, url=GITHUB):
        self.url, self.kid = url, uuid.uuid4().hex
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler_of(self))
        self.address = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def claims(self, job):
        """Everything that a token for AWS says of a job that runs now."""
        now = int(time.time())
        times = {"nbf": now - VALID_BEFORE_SECONDS, "iat": now, "exp": now + VALID_SECONDS}
        return {"iss": self.url, "aud": AUDIENCE, "jti": uuid.uuid4().hex, **times, **job.claims()}

    def token(self, job):
        return self.signed(self.claims(job))

    def signed(self, claims):
        return jwt.encode(claims, self.key, algorithm="RS256", headers={"kid": self.kid})

    def documents(self):
        """What is at its URL (OpenID Connect Discovery 1.0, RFC 7517)."""
        key = json.loads(RSAAlgorithm.to_jwk(self.key.public_key()))
        key |= {"kid": self.kid, "use": "sig", "alg": "RS256"}
        return {
            "/.well-known/openid-configuration": {
                "issuer": self.url, "jwks_uri": f"{self.url}/.well-known/jwks",
                "id_token_signing_alg_values_supported": ["RS256"], "subject_types_supported": ["public"],
                "response_types_supported": ["id_token"],
            },
            "/.well-known/jwks": {"keys": [key]},
        }


def handler_of(issuer):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            found = issuer.documents().get(self.path)
            body = json.dumps(found).encode()
            self.send_response(404 if found is None else 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    return Handler
