# src/guard/guard.h, test_guard: exempt sources have limits where all are let in
s/&guard->access\[ACCESS_EXEMPTS\]/\&guard->access[ACCESS_ADMITS]/
