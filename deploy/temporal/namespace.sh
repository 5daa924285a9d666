#!/bin/sh
# Makes the namespace TEMPORAL_NAMESPACE at TEMPORAL_ADDRESS where it is missing. Safe to repeat.
set -eu
: "${TEMPORAL_ADDRESS:?} ${TEMPORAL_NAMESPACE:?}"

if temporal operator namespace describe --namespace "$TEMPORAL_NAMESPACE" >/dev/null 2>&1; then
  echo "the namespace $TEMPORAL_NAMESPACE is there"
else
  # Finished workflows are kept for looking at; the record of a job is in Anneal's own store.
  temporal operator namespace create --namespace "$TEMPORAL_NAMESPACE" --retention 30d
fi
