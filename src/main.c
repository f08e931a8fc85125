/* This file is the daemon: a server without handlers of its own. */
#include <shoal/shoal.h>

int
main(int argc, char **argv)
{
	struct shoal_server *server = shoal_server_new();
	int status = shoal_main(server, argc, argv);

	shoal_server_free(&server);
	return status;
}
