# src/guard/cap.c, test_cap: what came with a reply that is held back is lost
s/!taken ? have/!taken ? 0/
