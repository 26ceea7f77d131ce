#!/bin/sh
# deploy.sh SERVICE COMMAND...: one deployment of a service at a time, whoever starts it, wherever. The next one waits and is told for whom.
set -eu
service=$1
shift
status=0
leasehold --config "${LEASEHOLD_CONFIG:-/etc/leasehold.properties}" run "deploy/$service" --wait 10m \
    --metadata "{\"revision\":\"${REVISION:-unknown}\"}" -- "$@" || status=$?
case $status in
    75) echo "another deployment of $service did not end within 10 minutes" >&2 ;;
    69) echo "the lock store does not answer: nothing was deployed" >&2 ;;
    79) echo "the lock was lost: this deployment was stopped half-way; look at what it did, then start it again" >&2 ;;
esac
exit "$status"
