/* dgramd: serves UDP requests with a bounded queue and a pool of workers. */
#include <dgramd.h>

int main(int argc, char **argv)
{
	return dgram_main(argc, argv, dgram_builtin_handlers());
}
