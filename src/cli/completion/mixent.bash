# Completion of mixent and mixent-sweep in bash. The programs themselves say what may follow (src/cli/complete.c,
# python/mixent/sweep/words.py).

_mixent() {
  local words=() word= rest=${COMP_LINE:0:COMP_POINT} blank i line cut files=
  # Readline cuts words at '='. What stands without a blank between belongs together.
  for ((i = 0; i <= COMP_CWORD; i++)); do
    blank=${rest%%[![:blank:]]*}
    rest=${rest#"$blank"}
    if [[ $i -gt 0 && -n $blank ]]; then
      words+=("$word")
      word=
    fi
    if [[ $i -eq COMP_CWORD ]]; then word+=$rest; else word+=${COMP_WORDS[i]}; fi
    rest=${rest#"${COMP_WORDS[i]}"}
  done
  # Readline replaces what stands after the last '='.
  [[ $COMP_WORDBREAKS == *=* && $word == *=* ]] && cut=${word%"${word##*=}"}
  COMPREPLY=()
  while IFS= read -r line; do
    if [[ $line == :files ]]; then
      files=1
    elif [[ ${line%%$'\t'*} == "$word"* ]]; then
      line=${line%%$'\t'*}
      COMPREPLY+=("${line#"$cut"}")
    fi
  done < <("${words[0]/#\~/$HOME}" complete -- "${words[@]:1}" "$word" 2>/dev/null)
  if [[ $files ]]; then
    compopt -o filenames 2>/dev/null
    [[ $word == *=* && -z $cut ]] && cut=${word%%=*}=
    while IFS= read -r line; do
      COMPREPLY+=("$line")
    done < <(compgen -f -- "${word#"$cut"}")
  fi
  [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace 2>/dev/null
  return 0
}
complete -F _mixent mixent mixent-sweep
