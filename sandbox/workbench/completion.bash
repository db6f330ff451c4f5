# What kubectl's and helm's completion scripts ask of bash-completion, which the machine may lack. bash 3.2 and newer.

# Words of the line with COMP_WORDBREAKS in $2's exclusion list glued back together: sets cur, prev, words, cword as asked.
_get_comp_words_by_ref() {
  local exclude= wanted=
  while [ $# -gt 0 ]; do
    case $1 in
      -n) exclude=$2; shift 2 ;;
      -*) shift ;;
      *) wanted="$wanted $1"; shift ;;
    esac
  done
  local glued=() position=0 index word
  for ((index = 0; index < ${#COMP_WORDS[@]}; index++)); do
    word=${COMP_WORDS[index]}
    # A word of excluded break characters, or one that follows them without a space, belongs to the word before.
    if ((index > 1)) && [ -n "$exclude" ] && __atelier_joined "$index" "$exclude"; then
      glued[${#glued[@]} - 1]=${glued[${#glued[@]} - 1]}$word
    else
      glued[${#glued[@]}]=$word
    fi
    ((index != COMP_CWORD)) || position=$((${#glued[@]} - 1))
  done
  local name
  for name in $wanted; do
    case $name in
      cur) cur=${glued[position]} ;;
      prev) prev=; ((position == 0)) || prev=${glued[position - 1]} ;;
      words) words=("${glued[@]}") ;;
      cword) cword=$position ;;
    esac
  done
}

# Whether word $1 touches the word before it and one of the two is made of characters of $2.
__atelier_joined() {
  local before=${COMP_WORDS[$1 - 1]} word=${COMP_WORDS[$1]}
  [[ $word == ["$2"]* || $before == *["$2"] ]] && [[ $COMP_LINE == *"$before$word"* ]]
}

# Cuts what stands before the last colon from the answers, as readline completes only what follows it.
__ltrim_colon_completions() {
  [[ $1 == *:* && $COMP_WORDBREAKS == *:* ]] || return 0
  local head=${1%"${1##*:}"} index
  for ((index = 0; index < ${#COMPREPLY[@]}; index++)); do
    COMPREPLY[index]=${COMPREPLY[index]#"$head"}
  done
}

__atelier_load_completion() {
  local tool=$1
  [ "$tool" != k ] || tool=kubectl
  complete -r "$1"
  . "$ATELIER_COMPLETIONS/$tool.bash" 2>/dev/null || return 1
  [ "$1" != k ] || complete -o default -F __start_kubectl k
  # Tells bash to look the completion up again.
  return 124
}
if [[ ${BASH_VERSINFO[0]} -ge 4 ]]; then
  complete -F __atelier_load_completion kubectl helm k
else
  for __atelier_tool in kubectl helm; do . "$ATELIER_COMPLETIONS/$__atelier_tool.bash" 2>/dev/null; done
  complete -o default -F __start_kubectl k
  unset __atelier_tool
fi
