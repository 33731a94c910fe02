# src/guard/offenders.c, test_offenders: what was taken is counted again
/^struct offender offenders_take/,/^}/s/memset(offenders->of, 0, sizeof(offenders->of));/;/
