/* This file knows the handlers there are. */
#include "config.h"

#include "module/catalog.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <shoal/error.h>

#include "base/mem.h"
#include "base/text.h"
#include "module/program.h"
#include "proto/framing.h"

static const struct sh_catalog *current;

void
sh_catalog_make_current(const struct sh_catalog *catalog)
{
	current = catalog;
}

const struct sh_catalog *
sh_catalog_current(void)
{
	return current;
}

void
sh_catalog_init(struct sh_catalog *catalog, const struct shoal_server *program)
{
	*catalog = (struct sh_catalog){ .program = program };
}

void
sh_catalog_fini(struct sh_catalog *catalog)
{
	size_t i;

	if (current == catalog)
		current = NULL;
	for (i = 0; i < catalog->module_count; i++)
		free(catalog->modules[i].name);
	free(catalog->modules);
	*catalog = (struct sh_catalog){ 0 };
}

/* What may be read of a module before its ABI is known: magic and ABI. */
static int
check_abi(const struct shoal_module *module, char *why, size_t cap)
{
	if (module->magic != SHOAL_MODULE_MAGIC) {
		snprintf(why, cap,
		    "its shoal_module is not one "
		    "(define it with SHOAL_MODULE())");
		return -SHOAL_EABI;
	}
	if (module->abi != SHOAL_MODULE_ABI) {
		snprintf(why, cap,
		    "built for ABI %u, this shoal has ABI %u; "
		    "build the module again",
		    module->abi, SHOAL_MODULE_ABI);
		return -SHOAL_EABI;
	}
	if (module->size < sizeof(*module)) {
		snprintf(why, cap,
		    "its description is too short; "
		    "build the module again");
		return -SHOAL_EABI;
	}
	return 0;
}

bool
sh_handler_serves_tcp(const struct shoal_handler *handler)
{
	return handler->tcp.on_receive != NULL || handler->serve != NULL;
}

const char *
sh_handler_lacks(const struct shoal_handler *handler)
{
	bool callbacks;

	if (handler->size < sizeof(*handler))
		return "its size is not set";
	if (handler->name == NULL)
		return "it has no name";
	callbacks = handler->tcp.on_receive != NULL;
	if (callbacks && handler->serve != NULL)
		return "it has both tcp.on_receive and serve";
	if (!sh_handler_serves_tcp(handler) && handler->request == NULL)
		return "it has neither tcp.on_receive nor serve nor request";
	if (callbacks && handler->tcp.size < sizeof(handler->tcp))
		return "the size of its tcp is not set";
	return NULL;
}

static int
check_handlers(const struct shoal_module *module, char *why, size_t cap)
{
	const struct shoal_handler *const *handler;
	const char *wrong;

	if (module->name == NULL || module->version == NULL ||
	    module->handlers == NULL) {
		snprintf(why, cap, "it lacks a name, a version or handlers");
		return -SHOAL_EINVAL;
	}
	for (handler = module->handlers; *handler != NULL; handler++) {
		wrong = sh_handler_lacks(*handler);
		if (wrong != NULL) {
			snprintf(why, cap, "handler %d (%s): %s",
			    (int)(handler - module->handlers),
			    (*handler)->size >= sizeof(**handler) &&
				    (*handler)->name != NULL
				? (*handler)->name
				: "?",
			    wrong);
			return -SHOAL_EINVAL;
		}
		if ((*handler)->framing != NULL &&
		    sh_framing_check((*handler)->framing, &wrong) < 0) {
			snprintf(why, cap, "the framing of handler %s: %s",
			    (*handler)->name, wrong);
			return -SHOAL_EINVAL;
		}
	}
	return 0;
}

int
sh_catalog_load(
    struct sh_catalog *catalog, const char *name, int fd, char *why, size_t cap)
{
	const struct shoal_module *module;
	char path[64];
	void *object;
	int r;

	/* by descriptor: what was checked is what is loaded, even when the
	 * file has been replaced since */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (object == NULL) {
		snprintf(why, cap, "cannot load it: %s", dlerror());
		return -SHOAL_EINVAL;
	}
	module = dlsym(object, "shoal_module");
	if (module == NULL) {
		snprintf(why, cap,
		    "it has no symbol shoal_module "
		    "(define it with SHOAL_MODULE())");
		dlclose(object);
		return -SHOAL_EINVAL;
	}
	r = check_abi(module, why, cap);
	if (r == 0)
		r = check_handlers(module, why, cap);
	if (r < 0) {
		dlclose(object);
		return r;
	}
	catalog->modules = sh_xgrow(catalog->modules, catalog->module_count + 1,
	    sizeof(*catalog->modules));
	catalog->modules[catalog->module_count++] =
	    (struct sh_catalog_module){ .name = sh_xstrdup(name),
		    .module = module };
	return 0;
}

void
sh_catalog_each(const struct sh_catalog *catalog,
    void (*fn)(const char *name, const struct shoal_handler *handler,
	const struct sh_catalog_module *module, void *arg),
    void *arg)
{
	const struct shoal_handler *const *handler;
	size_t i;

	for (i = 0;
	     catalog->program != NULL && i < catalog->program->handler_count;
	     i++)
		fn(catalog->program->handlers[i]->name,
		    catalog->program->handlers[i], NULL, arg);
	for (i = 0; i < catalog->module_count; i++) {
		const struct sh_catalog_module *module = &catalog->modules[i];

		for (handler = module->module->handlers; *handler != NULL;
		     handler++) {
			char *name =
			    sh_xprintf("%s.%s", module->name, (*handler)->name);

			fn(name, *handler, module, arg);
			free(name);
		}
	}
}

struct search {
	const char *name;
	const struct shoal_handler *found;
	unsigned distance;
	char *best;
	size_t cap;
	struct sh_buf *list;
};

static void
match(const char *name, const struct shoal_handler *handler,
    const struct sh_catalog_module *module, void *arg)
{
	struct search *search = arg;

	if (strcmp(name, search->name) == 0)
		search->found = handler;
}

const struct shoal_handler *
sh_catalog_find(const struct sh_catalog *catalog, const char *name)
{
	struct search search = { .name = name };

	sh_catalog_each(catalog, match, &search);
	return search.found;
}

static void
compare(const char *name, const struct shoal_handler *handler,
    const struct sh_catalog_module *module, void *arg)
{
	struct search *search = arg;
	unsigned distance = sh_word_distance(name, search->name);

	if (distance < search->distance) {
		search->distance = distance;
		snprintf(search->best, search->cap, "%s", name);
	}
}

const char *
sh_catalog_suggest(
    const struct sh_catalog *catalog, const char *name, char *buf, size_t cap)
{
	struct search search = { .name = name,
		.best = buf,
		.cap = cap,
		.distance = (unsigned)strlen(name) / 3 + 2 };

	buf[0] = '\0';
	sh_catalog_each(catalog, compare, &search);
	return buf[0] != '\0' ? buf : NULL;
}

static void
list(const char *name, const struct shoal_handler *handler,
    const struct sh_catalog_module *module, void *arg)
{
	struct search *search = arg;

	sh_buf_printf(
	    search->list, "%s%s", search->list->len != 0 ? ", " : "", name);
}

void
sh_catalog_names(const struct sh_catalog *catalog, struct sh_buf *out)
{
	struct search search = { .list = out };

	sh_catalog_each(catalog, list, &search);
}
