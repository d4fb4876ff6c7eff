" Vim syntax file
" Language: prey rule files (*.prey)
" The keywords are those of lang/words/word.def; UPDATE=1 python3 tests/lint/vim.py writes them.

if exists('b:current_syntax')
  finish
endif

let s:save_cpo = &cpo
set cpo&vim

syn case match
syn iskeyword @,48-57,_,-

" What begins a declaration.
syn keyword preyDeclaration allow audit chain check const edition firewall hash include interface
syn keyword preyDeclaration key limits macs meter names nat pool ports schedule service set test
syn keyword preyDeclaration timeouts

" What begins a rule, and a step of a test.
syn keyword preyVerdict accept add count decap do drop log mirror reject return
syn keyword preyStep after always at expect never repeat replay reply route server

" What a rule asks.
syn keyword preyProtocol ah arp esp gre icmp icmp6 igmp ip ip6 ipip l2tp ospf pim sctp tcp udp vrrp
syn keyword preyCondition bytes code dscp during ether flags flowlabel flows fragment from has inner
syn keyword preyCondition is lacks length mask on options over port proto source state to ttl type
syn keyword preyCondition urpf-failed vlan within
syn keyword preyFlag ack cwr ece fin psh rst syn urg
syn keyword preyOperator and except not
syn keyword preyConstant any default self

" What else has a meaning in its place.
syn keyword preyWord GET HEAD OPTIONS access affinity age all alpn announce as auto backup balance
syn keyword preyWord body burst by ca cert clamp close comment common connect cookie cookies
syn keyword preyWord destination down drain dsr else entries every fall file first flow for forward
syn keyword preyWord forwarded frames gue header host http https idle in inline instruction json
syn keyword preyWord keep l2 limit live mac map masquerade max method mirrored mode mss no observe
syn keyword preyWord off original other out overlaps overload packets pass passive passthrough path
syn keyword preyWord payload pcapng per program prohibited proxy queue rate reach refuse refused
syn keyword preyWord reload retries rewrite rise send sent servers sessions slow snap sni socket
syn keyword preyWord splice split start stream sum syslog timeout tls transparent trust unreachable
syn keyword preyWord up v1 v2 variant verify via weight when with without would zone

" Values. Of several that match at a place the one defined last wins.
syn match preyNumber    /\<\d[0-9_]*\>/
syn match preyNumber    /\<0x[0-9A-Fa-f_]\+\>/
syn match preyNumber    /\<\d[0-9_]*-\%(\d[0-9_]*\>\)\?/
syn match preyNumber    /\%(\s\|,\|=\)\@1<=-\d[0-9_]*\>/
syn match preyUnit      /\<\%(\d[0-9_]*\%(ms\|[smhd]\)\)\+\>/
syn match preyUnit      /\<\d[0-9_]*\%([kMG]bit\)\?\/[smh]\>/
syn match preyUnit      /\<\d[0-9_]*\%([KMG]i\?\)\?B\>/
syn match preyUnit      /\<\d\+%/
syn match preyUnit      /\<[1-5]xx\>/
syn match preyAddress   /\<\d\{1,3}\%(\.\d\{1,3}\)\{3}\%(\/\d\+\|-\d\{1,3}\%(\.\d\{1,3}\)\{3}\|:\d\+\)\?/
syn match preyAddress   /\<\x\{1,4}:[0-9A-Fa-f:.]*\x\%(\/\d\+\|-[0-9A-Fa-f:.]\+\)\?/
syn match preyAddress   /\<\x\{1,4}:[0-9A-Fa-f:]*::\%(\/\d\+\)\?/
syn match preyAddress   /\x\@1<!::[0-9A-Fa-f:.]*\%(\/\d\+\)\?/
syn match preyAddress   /\[[0-9A-Fa-f:.]*\]\%(:\d\+\)\?/
syn match preyUnit      /\<\d\{1,4}\%(:\d\{1,4}\)\{1,6}\>[:.\/]\@!/
syn match preyUnit      /\<\d\d:\d\d-\d\d:\d\d\>/
syn match preyMac       /\<\x\x\%(:\x\x\)\{5}\>/

syn match  preyEscape   /\\\%(["\\nt]\|x\x\x\)/ contained
syn match  preyBadEscape /\\[^"\\ntx]/ contained
syn region preyString   start=/"/ skip=/\\./ end=/"/ oneline contains=preyEscape,preyBadEscape
syn region preyHexBytes start=/\<x"/ end=/"/ oneline

syn match  preyContinue /\\$/
syn match  preyArrow    /->/
syn match  preyComment  /#.*$/ contains=@Spell

syn region preyBlock start=/{/ end=/}/ transparent fold
syn sync minlines=50

hi def link preyDeclaration Statement
hi def link preyVerdict     Keyword
hi def link preyStep        Keyword
hi def link preyProtocol    Type
hi def link preyCondition   Identifier
hi def link preyFlag        Type
hi def link preyOperator    Operator
hi def link preyConstant    Constant
hi def link preyWord        PreProc
hi def link preyNumber      Number
hi def link preyUnit        Number
hi def link preyAddress     Constant
hi def link preyMac         Constant
hi def link preyString      String
hi def link preyEscape      SpecialChar
hi def link preyBadEscape   Error
hi def link preyHexBytes    String
hi def link preyContinue    Special
hi def link preyArrow       Operator
hi def link preyComment     Comment

let b:current_syntax = 'prey'
let &cpo = s:save_cpo
unlet s:save_cpo
