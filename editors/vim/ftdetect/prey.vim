" prey rule files
au BufNewFile,BufRead *.prey setfiletype prey
