/* This file makes listeners of a program, and checks what code asks of them. */
#pragma once

#include <stdbool.h>

struct shoal_listen_options;
struct shoal_server;
struct sh_program_listener;

/** Whether options make sense. */
bool sh_listen_options_are_valid(const struct shoal_listen_options *options);
/** Add a listener, whose callbacks or the like are set, to those of a program;
 *  copies address and options (NULL: none). 0, or as shoal_server_listen(). */
int sh_server_add_listener(struct shoal_server *server, const char *address,
    const struct shoal_listen_options *options,
    struct sh_program_listener listener);
/** The listener with this address, or NULL; lent until one is added. */
struct sh_program_listener *
sh_server_find_listener(const struct shoal_server *server, const char *address);
/** Free the routes of a listener. */
void sh_server_free_routes(struct sh_program_listener *listener);
