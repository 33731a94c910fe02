# src/process/asked.c: nobody is held responsible
s/\t\t\tif (certain)/\t\t\tif (false)/
