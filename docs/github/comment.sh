#!/bin/sh
# Puts a file into one comment on a pull request, and the next time into the same one.
#
#   sh comment.sh FILE
#
# The comment is found by its first line, among those of COMMENT_AUTHOR. Needs curl and jq, and of the environment:
#   GITHUB_TOKEN       may write comments on pull requests
#   GITHUB_REPOSITORY  OWNER/REPOSITORY
#   PULL_REQUEST       its number
#   GITHUB_API_URL     https://api.github.com unless it says otherwise
#   COMMENT_AUTHOR     github-actions[bot] unless it says otherwise
#   COMPLETE_PLAN      where the complete plan is: said where the file is too long for a comment
set -eu

marker='<!-- phonehome plan -->'
file=${1:?the file to put into the comment}
author=${COMMENT_AUTHOR:-github-actions[bot]}
api=${GITHUB_API_URL:-https://api.github.com}/repos/$GITHUB_REPOSITORY
pause=${PAUSE:-sleep}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

fail() {
    echo "the comment on pull request $PULL_REQUEST of $GITHUB_REPOSITORY: $1" >&2
    exit 1
}

# call METHOD PATH [BODY]: one request. Its answer is in $folder/answer, its status in $status: 000 for no answer.
call() {
    set -- "$1" "$2" ${3:+--data-binary "@$3"}
    method=$1 path=$2
    shift 2
    status=$(curl --silent --show-error --max-time 30 --request "$method" --output "$folder/answer" \
        --dump-header "$folder/headers" --write-out '%{http_code}' \
        --header "Authorization: Bearer $GITHUB_TOKEN" --header 'Accept: application/vnd.github+json' \
        --header 'X-GitHub-Api-Version: 2022-11-28' "$@" "$api/$path") || status=000
}

header() {
    tr -d '\r' <"$folder/headers" | awk -F': *' -v name="$1" 'tolower($1) == name { print $2 }' | tail -n 1
}

# Whether what was answered passes by itself; then after how many seconds, at most five minutes.
passes() {
    seconds=$((1 << attempt))
    case $status in
    000 | 5??) ;;
    403 | 429)
        after=$(header retry-after)
        if [ -n "$after" ]; then
            seconds=$after
        elif [ "$(header x-ratelimit-remaining)" = 0 ]; then
            seconds=$(($(header x-ratelimit-reset) - $(date +%s) + 1))
        elif [ "$status" = 403 ]; then
            return 1
        fi
        ;;
    *) return 1 ;;
    esac
    if [ "$seconds" -lt 1 ]; then seconds=1; fi
    if [ "$seconds" -gt 300 ]; then seconds=300; fi
}

# The ids of the comments that have the marker, the oldest first, in $folder/ids.
find_comments() {
    page=1
    : >"$folder/ids"
    while :; do
        ask GET "issues/$PULL_REQUEST/comments?per_page=100&page=$page"
        [ "$status" = 200 ] || fail "its comments cannot be listed: $status $(cat "$folder/answer")"
        jq --raw-output --arg marker "$marker" --arg author "$author" \
            '.[] | select(.user.login == $author and (.body | startswith($marker))) | .id' \
            <"$folder/answer" >>"$folder/ids"
        [ "$(jq length <"$folder/answer")" -eq 100 ] || break
        page=$((page + 1))
    done
    sort -n -o "$folder/ids" "$folder/ids"
}

# ask METHOD PATH [BODY]: the same until it is answered for good. For what may be done twice.
ask() {
    attempt=0
    while :; do
        call "$@"
        attempt=$((attempt + 1))
        if [ "$attempt" -ge 6 ] || ! passes; then return; fi
        "$pause" "$seconds"
    done
}

# Writes the comment that is there, or one that is not. Whatever was answered, it is looked for again before
# another one is made: the answer may have got lost. Leaves with success when one is written.
write() {
    round=0
    while [ "$round" -lt 6 ]; do
        round=$((round + 1))
        find_comments
        id=$(head -n 1 "$folder/ids")
        if [ -n "$id" ]; then
            ask PATCH "issues/comments/$id" "$folder/body"
        else
            attempt=$round
            call POST "issues/$PULL_REQUEST/comments" "$folder/body"
        fi
        case $status in
        200 | 201) return ;;
        # It was deleted meanwhile.
        404) [ -n "$id" ] || fail "there is no such pull request, or the token may not see it" ;;
        422) return 1 ;;
        *)
            if ! passes; then fail "it cannot be written: $status $(cat "$folder/answer")"; fi
            "$pause" "$seconds"
            ;;
        esac
    done
    fail "it could not be written in $round attempts: $status"
}

body() {
    jq --null-input --arg marker "$marker" --rawfile text "$1" '{body: ($marker + "\n" + $text)}' >"$folder/body"
}

body "$file"
if ! write; then
    printf 'The plan is too long for a comment. It is complete here: %s\n' "${COMPLETE_PLAN:-the artifact of this run}" \
        >"$folder/short"
    body "$folder/short"
    write || fail "even a short one is refused: $(cat "$folder/answer")"
fi

# Of two runs that each made one, the older comment stays, with what was written last.
find_comments
kept=$(head -n 1 "$folder/ids")
tail -n +2 "$folder/ids" | while read -r id; do
    ask PATCH "issues/comments/$kept" "$folder/body"
    ask DELETE "issues/comments/$id"
done
