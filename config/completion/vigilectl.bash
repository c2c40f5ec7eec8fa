# Completion of vigilectl for bash; written by command_documents_test from the program's own options.
_vigilectl() {
  local word path=vigilectl cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
  COMPREPLY=()
  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$path $word" in
      "vigilectl status" | "vigilectl tail" | "vigilectl flush" | "vigilectl reload" | "vigilectl metrics" | "vigilectl stats" | "vigilectl availability" | "vigilectl history" | "vigilectl dashboard" | "vigilectl report" | "vigilectl record" | "vigilectl record metric" | "vigilectl record availability" | "vigilectl record performance" | "vigilectl record status" | "vigilectl record points" | "vigilectl cleanup" | "vigilectl simulate" | "vigilectl check" | "vigilectl query" | "vigilectl write" | "vigilectl delete" | "vigilectl drivers" | "vigilectl drivers list" | "vigilectl drivers show" | "vigilectl drivers test" | "vigilectl store" | "vigilectl store list" | "vigilectl store forget" | "vigilectl store check" | "vigilectl store salvage" | "vigilectl dead-letters" | "vigilectl dead-letters list" | "vigilectl dead-letters export" | "vigilectl dead-letters clear" | "vigilectl lp" | "vigilectl lp decode" | "vigilectl lp encode" | "vigilectl support" | "vigilectl version") path="$path $word" ;;
    esac
  done
  case "$path $prev" in
    "vigilectl --socket") mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
    "vigilectl tail --measurement") return ;;
    "vigilectl tail --metric") return ;;
    "vigilectl metrics --equipment-id") return ;;
    "vigilectl metrics --from") return ;;
    "vigilectl metrics --period") return ;;
    "vigilectl metrics --start") return ;;
    "vigilectl metrics --end") return ;;
    "vigilectl metrics --metric") return ;;
    "vigilectl metrics --aggregation") mapfile -t COMPREPLY < <(compgen -W "none mean min max sum count last p50 p95 p99" -- "$cur"); return ;;
    "vigilectl metrics --window") return ;;
    "vigilectl metrics --last") return ;;
    "vigilectl metrics --limit") return ;;
    "vigilectl stats --equipment-id") return ;;
    "vigilectl stats --from") return ;;
    "vigilectl stats --period") return ;;
    "vigilectl stats --start") return ;;
    "vigilectl stats --end") return ;;
    "vigilectl stats --metric") return ;;
    "vigilectl availability --equipment-id") return ;;
    "vigilectl availability --from") return ;;
    "vigilectl availability --period") return ;;
    "vigilectl availability --start") return ;;
    "vigilectl availability --end") return ;;
    "vigilectl history --equipment-id") return ;;
    "vigilectl history --from") return ;;
    "vigilectl history --period") return ;;
    "vigilectl history --start") return ;;
    "vigilectl history --end") return ;;
    "vigilectl dashboard --equipment-id") return ;;
    "vigilectl dashboard --from") return ;;
    "vigilectl dashboard --period") return ;;
    "vigilectl report --equipment-id") return ;;
    "vigilectl report --from") return ;;
    "vigilectl report --period") return ;;
    "vigilectl report --start") return ;;
    "vigilectl report --end") return ;;
    "vigilectl record metric --equipment-id") return ;;
    "vigilectl record metric --tag") return ;;
    "vigilectl record metric --time") return ;;
    "vigilectl record availability --equipment-id") return ;;
    "vigilectl record availability --response-time") return ;;
    "vigilectl record availability --reason") return ;;
    "vigilectl record performance --equipment-id") return ;;
    "vigilectl record performance --cpu") return ;;
    "vigilectl record performance --memory") return ;;
    "vigilectl record performance --response-time") return ;;
    "vigilectl record status --equipment-id") return ;;
    "vigilectl record status --until") return ;;
    "vigilectl record status --reason") return ;;
    "vigilectl record points --equipment-id") return ;;
    "vigilectl record points --precision") mapfile -t COMPREPLY < <(compgen -W "ns us ms s" -- "$cur"); return ;;
    "vigilectl cleanup --older-than") return ;;
    "vigilectl cleanup --equipment-id") return ;;
    "vigilectl cleanup -c" | "vigilectl cleanup --config") mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
    "vigilectl simulate --equipment-id") return ;;
    "vigilectl simulate --duration") return ;;
    "vigilectl simulate --interval") return ;;
    "vigilectl simulate --speed") return ;;
    "vigilectl simulate --backfill") return ;;
    "vigilectl simulate --seed") return ;;
    "vigilectl check -c" | "vigilectl check --config") mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
    "vigilectl check --sink") return ;;
    "vigilectl query -c" | "vigilectl query --config") mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
    "vigilectl query --sink") return ;;
    "vigilectl query --language") mapfile -t COMPREPLY < <(compgen -W "flux influxql sql" -- "$cur"); return ;;
    "vigilectl write -c" | "vigilectl write --config") mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
    "vigilectl write --sink") return ;;
    "vigilectl write --precision") mapfile -t COMPREPLY < <(compgen -W "ns us ms s" -- "$cur"); return ;;
    "vigilectl delete -c" | "vigilectl delete --config") mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
    "vigilectl delete --sink") return ;;
    "vigilectl delete --start") return ;;
    "vigilectl delete --stop") return ;;
    "vigilectl delete --predicate") return ;;
    "vigilectl drivers test --format") mapfile -t COMPREPLY < <(compgen -W "line_protocol json nagios" -- "$cur"); return ;;
    "vigilectl drivers test --mode") mapfile -t COMPREPLY < <(compgen -W "once keep" -- "$cur"); return ;;
    "vigilectl drivers test --runs") return ;;
    "vigilectl drivers test --timeout") return ;;
    "vigilectl store check --path") mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
    "vigilectl store check -c" | "vigilectl store check --config") mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
    "vigilectl store salvage --into") mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
    "vigilectl dead-letters list --sink") return ;;
    "vigilectl dead-letters list --after") return ;;
    "vigilectl dead-letters list --limit") return ;;
    "vigilectl dead-letters export --sink") return ;;
    "vigilectl dead-letters clear --sink") return ;;
    "vigilectl lp decode --precision") mapfile -t COMPREPLY < <(compgen -W "ns us ms s" -- "$cur"); return ;;
    "vigilectl support -o" | "vigilectl support --output") mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
    "vigilectl support -c" | "vigilectl support --config") mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
  esac
  case $path in
    "vigilectl") mapfile -t COMPREPLY < <(compgen -W "status tail flush reload metrics stats availability history dashboard report record cleanup simulate check query write delete drivers store dead-letters lp support version -h --help --version --socket" -- "$cur") ;;
    "vigilectl status") mapfile -t COMPREPLY < <(compgen -W "-h --help --all --json" -- "$cur") ;;
    "vigilectl tail") mapfile -t COMPREPLY < <(compgen -W "-h --help --measurement --metric" -- "$cur") ;;
    "vigilectl flush") mapfile -t COMPREPLY < <(compgen -W "-h --help --json" -- "$cur") ;;
    "vigilectl reload") mapfile -t COMPREPLY < <(compgen -W "-h --help --json" -- "$cur") ;;
    "vigilectl metrics") mapfile -t COMPREPLY < <(compgen -W "-h --help --equipment-id --from --all --csv --json --period --start --end --metric --aggregation --window --last --limit" -- "$cur") ;;
    "vigilectl stats") mapfile -t COMPREPLY < <(compgen -W "-h --help --equipment-id --from --all --csv --json --period --start --end --metric" -- "$cur") ;;
    "vigilectl availability") mapfile -t COMPREPLY < <(compgen -W "-h --help --equipment-id --from --all --csv --json --period --start --end --warning-is-down" -- "$cur") ;;
    "vigilectl history") mapfile -t COMPREPLY < <(compgen -W "-h --help --equipment-id --from --all --csv --json --period --start --end" -- "$cur") ;;
    "vigilectl dashboard") mapfile -t COMPREPLY < <(compgen -W "-h --help --equipment-id --from --all --csv --json --period" -- "$cur") ;;
    "vigilectl report") mapfile -t COMPREPLY < <(compgen -W "-h --help --equipment-id --from --all --csv --json --period --start --end" -- "$cur") ;;
    "vigilectl record") mapfile -t COMPREPLY < <(compgen -W "metric availability performance status points -h --help" -- "$cur") ;;
    "vigilectl record metric") mapfile -t COMPREPLY < <(compgen -W "-h --help --equipment-id --json --tag --time" -- "$cur") ;;
    "vigilectl record availability") mapfile -t COMPREPLY < <(compgen -W "-h --help --equipment-id --json --response-time --reason" -- "$cur") ;;
    "vigilectl record performance") mapfile -t COMPREPLY < <(compgen -W "-h --help --equipment-id --json --cpu --memory --response-time" -- "$cur") ;;
    "vigilectl record status") mapfile -t COMPREPLY < <(compgen -W "-h --help --equipment-id --json --until --reason" -- "$cur") ;;
    "vigilectl record points") mapfile -t COMPREPLY < <(compgen -W "-h --help --equipment-id --json --precision" -- "$cur") ;;
    "vigilectl cleanup") mapfile -t COMPREPLY < <(compgen -W "-h --help --older-than --local --remote --equipment-id --dry-run --undelivered --yes --json -c --config" -- "$cur") ;;
    "vigilectl simulate") mapfile -t COMPREPLY < <(compgen -W "-h --help --equipment-id --duration --interval --speed --backfill --seed --json" -- "$cur") ;;
    "vigilectl check") mapfile -t COMPREPLY < <(compgen -W "-h --help -c --config --sink --json" -- "$cur") ;;
    "vigilectl query") mapfile -t COMPREPLY < <(compgen -W "-h --help -c --config --sink --language --csv --json" -- "$cur") ;;
    "vigilectl write") mapfile -t COMPREPLY < <(compgen -W "-h --help -c --config --sink --precision" -- "$cur") ;;
    "vigilectl delete") mapfile -t COMPREPLY < <(compgen -W "-h --help -c --config --sink --start --stop --predicate --dry-run --yes --json" -- "$cur") ;;
    "vigilectl drivers") mapfile -t COMPREPLY < <(compgen -W "list show test -h --help --json" -- "$cur") ;;
    "vigilectl drivers list") mapfile -t COMPREPLY < <(compgen -W "-h --help" -- "$cur") ;;
    "vigilectl drivers show") mapfile -t COMPREPLY < <(compgen -W "-h --help" -- "$cur") ;;
    "vigilectl drivers test") mapfile -t COMPREPLY < <(compgen -W "-h --help --format --mode --runs --timeout" -- "$cur") ;;
    "vigilectl store") mapfile -t COMPREPLY < <(compgen -W "list forget check salvage -h --help --json" -- "$cur") ;;
    "vigilectl store list") mapfile -t COMPREPLY < <(compgen -W "-h --help" -- "$cur") ;;
    "vigilectl store forget") mapfile -t COMPREPLY < <(compgen -W "-h --help" -- "$cur") ;;
    "vigilectl store check") mapfile -t COMPREPLY < <(compgen -W "-h --help --path -c --config" -- "$cur") ;;
    "vigilectl store salvage") mapfile -t COMPREPLY < <(compgen -f -W "-h --help --into" -- "$cur") ;;
    "vigilectl dead-letters") mapfile -t COMPREPLY < <(compgen -W "list export clear -h --help --json" -- "$cur") ;;
    "vigilectl dead-letters list") mapfile -t COMPREPLY < <(compgen -W "-h --help --sink --after --limit" -- "$cur") ;;
    "vigilectl dead-letters export") mapfile -t COMPREPLY < <(compgen -W "-h --help --sink" -- "$cur") ;;
    "vigilectl dead-letters clear") mapfile -t COMPREPLY < <(compgen -W "-h --help -h --help --sink --all" -- "$cur") ;;
    "vigilectl lp") mapfile -t COMPREPLY < <(compgen -W "decode encode -h --help" -- "$cur") ;;
    "vigilectl lp decode") mapfile -t COMPREPLY < <(compgen -W "-h --help --precision" -- "$cur") ;;
    "vigilectl lp encode") mapfile -t COMPREPLY < <(compgen -W "-h --help --unsigned" -- "$cur") ;;
    "vigilectl support") mapfile -t COMPREPLY < <(compgen -W "-h --help -o --output -c --config --with-lines --json" -- "$cur") ;;
    "vigilectl version") mapfile -t COMPREPLY < <(compgen -W "-h --help --json" -- "$cur") ;;
  esac
}
complete -o filenames -F _vigilectl vigilectl
