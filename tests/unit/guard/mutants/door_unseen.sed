# src/guard/door.c, test_door: nobody looks closer
s/atomic_store(\&door->looks_closer, thousandths > 0);/atomic_store(\&door->looks_closer, false);/
