# src/guard/access.h, test_access: nobody notes which table is in use
s/atomic_store(used, noted);/;/
