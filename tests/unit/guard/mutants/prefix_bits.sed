# src/guard/prefixes.c, test_prefixes: a prefix has a bit more
s/for (unsigned bit = bits; bit < 128; bit++)/for (unsigned bit = bits + 1; bit < 128; bit++)/
