" Vim file type plugin
" Language: prey rule files (*.prey)
" `:make` checks the file and its tests, `gggqG` formats it, CTRL-X CTRL-O completes words of the language.

if exists('b:did_ftplugin')
  finish
endif
let b:did_ftplugin = 1

setlocal comments=:# commentstring=#\ %s
setlocal formatoptions-=t formatoptions+=croql
setlocal iskeyword+=-
setlocal expandtab shiftwidth=2 softtabstop=2 textwidth=0
setlocal include=^\\s*include\\s\\+\" suffixesadd=.prey
let &l:define = '^\s*\%(const\|set\|ports\|macs\|names\|interface\|meter\|schedule\|check\|pool\|chain\)\s'
setlocal omnifunc=syntaxcomplete#Complete
setlocal formatprg=preyc\ --fmt\ -
setlocal makeprg=preyc\ --check\ %:S
setlocal errorformat=%f:%l:%c:\ %trror:\ %m,%f:%l:%c:\ %tarning:\ %m,%f:%l:%c:\ %tote:\ %m,%-G%.%#

let b:undo_ftplugin = 'setlocal comments< commentstring< formatoptions< iskeyword< expandtab< shiftwidth<'
      \ . ' softtabstop< textwidth< include< suffixesadd< define< omnifunc< formatprg< makeprg< errorformat<'
