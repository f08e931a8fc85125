/* This file lists the handlers that come with the library. */
#pragma once

#include <shoal/handler.h>

extern const struct shoal_handler *const sh_builtin_handlers[]; /* to NULL */
extern const struct shoal_handler sh_echo_handler;
extern const struct shoal_handler sh_greet_handler;
extern const struct shoal_handler sh_greet_page_handler;
extern const char sh_greet_page_html[]; /* of greet_page.html */
extern const struct shoal_handler sh_publish_handler;
extern const struct shoal_handler sh_room_handler;
extern const struct shoal_handler sh_room_page_handler;
extern const char sh_room_page_html[]; /* of room_page.html */
extern const struct shoal_handler sh_static_handler;
