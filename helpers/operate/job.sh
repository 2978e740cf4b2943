# What a job says and asks while it runs, for shell scripts: `. "$CLEAN_HOURS_FOLDER/job.sh"`.
#
#   clean_hours_checkpoint [NOTE]   the work done so far is saved: from here on a pause loses nothing
#   clean_hours_progress            prints how many checkpoints are done, over all runs
#   clean_hours_stop_soon [SECONDS] true when the time limit is nearer than that (default 120)
#
# Without CLEAN_HOURS_FOLDER everything does nothing, so that a script runs the same without a plan.

_clean_hours_say() {
    [ -n "${CLEAN_HOURS_FOLDER:-}" ] || return 0
    # One short line by one write: readers never see half of it. The note is data, never code.
    _note=$(printf '%s' "${2:-}" | tr -cd 'A-Za-z0-9 ._:=+-' | cut -c 1-200)
    printf '{"event": "%s", "time_s": %s, "restarts": %d, "note": "%s"}\n' \
        "$1" "$(date +%s.%N)" "${SLURM_RESTART_COUNT:-${CLEAN_HOURS_RESTARTS:-0}}" "$_note" \
        >> "$CLEAN_HOURS_FOLDER/events.jsonl"
}

clean_hours_checkpoint() { _clean_hours_say checkpoint "${1:-}"; }

clean_hours_progress() {
    [ -n "${CLEAN_HOURS_FOLDER:-}" ] && [ -f "$CLEAN_HOURS_FOLDER/events.jsonl" ] || { echo 0; return; }
    grep -c '"event": "checkpoint"' "$CLEAN_HOURS_FOLDER/events.jsonl" || true
}

clean_hours_stop_soon() {
    [ -n "${CLEAN_HOURS_ENDS_S:-}" ] || return 1
    [ "$(date +%s)" -ge "$((CLEAN_HOURS_ENDS_S - ${1:-120}))" ]
}
