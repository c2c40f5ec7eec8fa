# Completion of vigiled for bash; written by command_documents_test from the program's own options.
_vigiled() {
  local word path=vigiled cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
  COMPREPLY=()
  case "$path $prev" in
    "vigiled -c" | "vigiled --config") mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
    "vigiled --with") return ;;
    "vigiled --log-level") mapfile -t COMPREPLY < <(compgen -W "error warning notice info debug" -- "$cur"); return ;;
  esac
  case $path in
    "vigiled") mapfile -t COMPREPLY < <(compgen -W "-h --help --version -c --config --check --with --each-device --log-level" -- "$cur") ;;
  esac
}
complete -o filenames -F _vigiled vigiled
