/* This file is handlers that ask others, of <shoal/handler.h>. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>

#include <shoal/handler.h>
#include <shoal/log.h>

#include "base/panic.h"
#include "co/co.h"
#include "module/catalog.h"
#include "settings/load.h"

enum { WHY_MAX = 512 };

struct shoal_delegate {
	const struct shoal_handler *handler;
	struct shoal_settings settings; /* the defaults */
	void *arg;
};

/* The handler of a name, if the process is one that has handlers. */
static int
find(const char *name, const struct shoal_handler **out, char *why, size_t cap)
{
	const struct sh_catalog *catalog = sh_catalog_current();
	char near[128];
	const char *suggestion;

	if (catalog == NULL) {
		snprintf(why, cap, "no handlers are known here");
		return -SHOAL_ESTATE;
	}
	*out = sh_catalog_find(catalog, name);
	if (*out != NULL)
		return 0;
	suggestion = sh_catalog_suggest(catalog, name, near, sizeof(near));
	snprintf(why, cap, "there is no handler '%s'%s%s%s", name,
	    suggestion != NULL ? "; did you mean '" : "",
	    suggestion != NULL ? suggestion : "",
	    suggestion != NULL ? "'?" : "");
	return -SHOAL_ENOENT;
}

static int
ask(const struct shoal_handler *handler, const char *name, char *why,
    size_t cap)
{
	const struct shoal_settings defaults = { .schema = handler->settings };
	const struct shoal_setting *row = handler->settings;
	char own[WHY_MAX] = "";
	int r = 0;

	if (handler->request == NULL) {
		snprintf(why, cap,
		    "the handler '%s' does not answer HTTP requests", name);
		return -SHOAL_ECONFIG;
	}
	for (; row != NULL && row->key != NULL; row++)
		if (row->fallback == NULL) {
			snprintf(why, cap,
			    "the handler '%s' needs a value for its key '%s', "
			    "and gets none when another handler asks it",
			    name, row->key);
			return -SHOAL_ECONFIG;
		}
	if (handler->check != NULL)
		r = handler->check(&defaults, own, sizeof(own));
	if (r < 0)
		snprintf(why, cap, "the handler '%s' refuses its defaults: %s",
		    name, own[0] != '\0' ? own : shoal_strerror(r));
	return r < 0 ? -SHOAL_ECONFIG : 0;
}

int
shoal_delegate_check(const char *name, char *why, size_t cap)
{
	const struct shoal_handler *handler;
	int r = find(name, &handler, why, cap);

	return r < 0 ? r : ask(handler, name, why, cap);
}

int
shoal_delegate_open(const char *name, struct shoal_delegate **out)
{
	const struct shoal_handler *handler;
	struct shoal_delegate *delegate;
	char why[WHY_MAX];
	int r = find(name, &handler, why, sizeof(why));

	if (r == 0)
		r = ask(handler, name, why, sizeof(why));
	if (r < 0) {
		shoal_log(SHOAL_LOG_ERR, "%s", why);
		return r;
	}
	delegate = calloc(1, sizeof(*delegate));
	if (delegate == NULL)
		return -SHOAL_ENOMEM;
	delegate->handler = handler;
	delegate->settings.schema = handler->settings;
	delegate->arg = &delegate->settings;
	if (handler->open != NULL)
		r = handler->open(&delegate->settings, &delegate->arg);
	if (r < 0) {
		free(delegate);
		return r;
	}
	*out = delegate;
	return 0;
}

void
shoal_delegate_close(struct shoal_delegate **delegate)
{
	if (*delegate == NULL)
		return;
	if ((*delegate)->handler->close != NULL)
		(*delegate)->handler->close((*delegate)->arg);
	free(*delegate);
	*delegate = NULL;
}

void
shoal_delegate_request(
    struct shoal_delegate *delegate, struct shoal_request *req)
{
	delegate->handler->request(req, delegate->arg);
}
