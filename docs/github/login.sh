#!/bin/sh
# Lets the next steps of a job be a role of the hub account, with the identity that GitHub gives the job. There is
# no stored key. Needs curl and jq; the job needs the permission `id-token: write`.
#
#   sh login.sh PIPELINE_ROLE ROLE    the ARNs of phonehome-github-plan and phonehome-viewer, or of
#                                     phonehome-github-publish and phonehome-operator
set -eu

folder=$RUNNER_TEMP/phonehome
mkdir -p "$folder"
chmod 700 "$folder"
curl --silent --show-error --fail --retry 5 --max-time 30 --output "$folder/answer" \
    --header "Authorization: Bearer $ACTIONS_ID_TOKEN_REQUEST_TOKEN" \
    "$ACTIONS_ID_TOKEN_REQUEST_URL&audience=sts.amazonaws.com"
jq --raw-output --exit-status .value <"$folder/answer" >"$folder/token"
cat >"$folder/config" <<END
[profile pipeline]
role_arn = $1
web_identity_token_file = $folder/token
role_session_name = github-$GITHUB_RUN_ID
[profile phonehome]
role_arn = $2
source_profile = pipeline
role_session_name = github-$GITHUB_RUN_ID
END
{
    echo "AWS_CONFIG_FILE=$folder/config"
    echo "AWS_PROFILE=phonehome"
} >>"$GITHUB_ENV"
