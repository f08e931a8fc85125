/*
 * This file knows the handlers there are: those that the program has
 * registered, the built-in ones among them, and those of loaded modules.
 * Modules stay loaded until the process ends.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <shoal/handler.h>
#include <shoal/module.h>

#include "base/buf.h"

struct shoal_server;

struct sh_catalog_module {
	char *name; /* as the configuration calls it */
	const struct shoal_module *module;
};

struct sh_catalog {
	const struct shoal_server *program; /* lent */
	struct sh_catalog_module *modules;
	size_t module_count;
};

/** Start with the handlers of a program (lent). */
void
sh_catalog_init(struct sh_catalog *catalog, const struct shoal_server *program);
/** Free what it holds; modules stay loaded. */
void sh_catalog_fini(struct sh_catalog *catalog);
/** Make it the one of this process, for code that asks by name; lent until
 *  sh_catalog_fini(). */
void sh_catalog_make_current(const struct sh_catalog *catalog);
/** That one, or NULL. */
const struct sh_catalog *sh_catalog_current(void);
/** Load the module behind an open descriptor (borrowed) under a name. 0; or
 *  -SHOAL_EABI, -SHOAL_EINVAL with the reason in why. */
int sh_catalog_load(struct sh_catalog *catalog, const char *name, int fd,
    char *why, size_t cap);
/** The handler of a name, "echo" or "module.handler", or NULL. */
const struct shoal_handler *
sh_catalog_find(const struct sh_catalog *catalog, const char *name);
/** The name that a misspelt one probably means, or NULL; and all of them,
 *  with commas. Copies into buf. */
const char *sh_catalog_suggest(
    const struct sh_catalog *catalog, const char *name, char *buf, size_t cap);
/** All handler names with commas between them. */
void sh_catalog_names(const struct sh_catalog *catalog, struct sh_buf *out);
/** Call fn for each handler with its full name; module is NULL for the
 *  program's. */
void sh_catalog_each(const struct sh_catalog *catalog,
    void (*fn)(const char *name, const struct shoal_handler *handler,
	const struct sh_catalog_module *module, void *arg),
    void *arg);
/** Whether connections can be given to a handler, not only requests. */
bool sh_handler_serves_tcp(const struct shoal_handler *handler);
/** What is wrong with a handler, its framing apart; NULL: nothing. Lent for
 *  ever. */
const char *sh_handler_lacks(const struct shoal_handler *handler);
