/* This file lists the handlers that come with the library. */
#include "handlers/builtin.h"

const struct shoal_handler *const sh_builtin_handlers[] = {
	&sh_echo_handler,
	&sh_greet_handler,
	&sh_greet_page_handler,
	&sh_publish_handler,
	&sh_room_handler,
	&sh_room_page_handler,
	&sh_static_handler,
	NULL,
};
