# src/guard/cap.c, test_cap: a credit can be used twice
s/!taken ? have : lacking > 0 ? 0 : have - bytes/have/
