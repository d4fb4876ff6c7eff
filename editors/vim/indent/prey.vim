" Vim indent file
" Language: prey rule files (*.prey)
" A block is two blanks further in, a statement's further lines four or under its value: as `preyc --fmt` does it.

if exists('b:did_indent')
  finish
endif
let b:did_indent = 1

setlocal indentexpr=PreyIndent(v:lnum) indentkeys=0},o,O,!^F
let b:undo_indent = 'setlocal indentexpr< indentkeys<'

if exists('*PreyIndent')
  finish
endif

" The line's words, without strings and its comment.
function! s:Words(lnum) abort
  let l:line = substitute(getline(a:lnum), '"\%([^"\\]\|\\.\)*"', '""', 'g')
  return substitute(l:line, '\s*#.*$', '', '')
endfunction

" Whether the statement goes on after this line; the colons of an address, `::`, end nothing.
function! s:GoesOn(lnum) abort
  return a:lnum > 0 && s:Words(a:lnum) =~# '\%(,\|=\|->\|[^:]:\|\\\)$'
endfunction

" Where the second line of a statement begins: under the value after `=`, if that is not far out.
function! s:Hang(lnum) abort
  let l:value = matchstr(s:Words(a:lnum), '^\s*\w\+\s\+\S\+\s*=\s\+\ze\S')
  let l:column = strdisplaywidth(l:value)
  return l:column > 0 && l:column <= 40 ? l:column : indent(a:lnum) + 4
endfunction

function! PreyIndent(lnum) abort
  let l:before = prevnonblank(a:lnum - 1)
  while l:before > 0 && getline(l:before) =~# '^\s*#'
    let l:before = prevnonblank(l:before - 1)
  endwhile
  if l:before == 0
    return 0
  endif
  let l:goes_on = s:GoesOn(l:before)
  let l:first = l:before
  while s:GoesOn(l:first - 1)
    let l:first -= 1
  endwhile
  if l:goes_on
    return l:first == l:before ? s:Hang(l:first) : indent(l:before)
  endif
  let l:indent = indent(l:first)
  if s:Words(l:before) =~# '{$'
    let l:indent += shiftwidth()
  endif
  if getline(a:lnum) =~# '^\s*}'
    let l:indent -= shiftwidth()
  endif
  return l:indent
endfunction
