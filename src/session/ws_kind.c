/*
 * This file is what WebSockets share that were made with the same options: a
 * route's, as a rule. A process has one loop, and so one list of them.
 */
#include "config.h"

#include <stdlib.h>

#include "base/mem.h"
#include "session/ws_private.h"

/* Those that nobody uses are kept up to this number, as their intake has put by
 * what the next user needs. */
enum { UNUSED_MAX = 8 };

static LIST_HEAD(, sh_ws_kind) kinds = LIST_HEAD_INITIALIZER(kinds);
static size_t unused;

static void
set_options(struct sh_ws_kind *kind, const struct shoal_ws_options *options,
    const struct sh_ws_extension *extension)
{
	kind->intake.message_max = options->message_size < 0
	    ? SIZE_MAX
	    : (size_t)options->message_size;
	kind->intake.fragments_max = 0;
	if (options->fragments > 0)
		kind->intake.fragments_max = options->fragments < UINT32_MAX
		    ? (uint32_t)options->fragments
		    : UINT32_MAX;
	kind->intake.stream = options->stream;
	kind->intake.extension = *extension;
	if (extension->deflates)
		kind->intake.deflate = sh_ws_shared_deflate();
	kind->pack_min = SIZE_MAX;
	if (extension->deflates)
		kind->pack_min = options->compression_min_size < 0
		    ? 0
		    : (size_t)options->compression_min_size;
	kind->control_rate = options->control_rate;
	kind->ping_ms = options->ping_ms;
	kind->pong_timeout_ms = options->pong_timeout_ms;
	kind->close_timeout_ms = options->close_timeout_ms;
	kind->stream = options->stream;
	kind->control = options->control;
}

static bool
agrees(const struct sh_ws_extension *a, const struct sh_ws_extension *b)
{
	return a->deflates == b->deflates &&
	    a->server_takeover == b->server_takeover &&
	    a->client_takeover == b->client_takeover &&
	    a->says_server_bits == b->says_server_bits &&
	    a->says_client_bits == b->says_client_bits &&
	    a->server_bits == b->server_bits &&
	    a->client_bits == b->client_bits &&
	    a->client_bits_said == b->client_bits_said;
}

static bool
is_same(const struct sh_ws_kind *a, const struct sh_ws_kind *b)
{
	return a->intake.message_max == b->intake.message_max &&
	    a->intake.fragments_max == b->intake.fragments_max &&
	    a->control_rate == b->control_rate && a->ping_ms == b->ping_ms &&
	    a->pong_timeout_ms == b->pong_timeout_ms &&
	    a->close_timeout_ms == b->close_timeout_ms &&
	    agrees(&a->intake.extension, &b->intake.extension) &&
	    a->pack_min == b->pack_min && a->send_limits == b->send_limits &&
	    a->stream == b->stream && a->control == b->control &&
	    a->handler == b->handler;
}

static struct sh_ws_kind *
find(const struct sh_ws_kind *wanted)
{
	struct sh_ws_kind *kind;

	LIST_FOREACH(kind, &kinds, link)
		if (is_same(kind, wanted))
			return kind;
	return NULL;
}

struct sh_ws_kind *
sh_ws_kind_need(const struct shoal_ws_options *options,
    const struct sh_ws_extension *extension, const char *handler,
    int send_limits)
{
	struct sh_ws_kind wanted = { .handler = handler,
		.send_limits = send_limits };
	struct sh_ws_kind *kind;

	set_options(&wanted, options, extension);
	kind = find(&wanted);
	if (kind != NULL) {
		unused -= kind->users == 0;
		kind->users++;
		return kind;
	}
	kind = sh_try_calloc(1, sizeof(*kind));
	if (kind == NULL)
		return NULL;
	*kind = wanted;
	kind->users = 1;
	LIST_INSERT_HEAD(&kinds, kind, link);
	return kind;
}

void
sh_ws_kind_drop(struct sh_ws_kind **kind)
{
	struct sh_ws_kind *dropped = *kind;

	*kind = NULL;
	if (--dropped->users != 0)
		return;
	if (unused < UNUSED_MAX) {
		unused++;
		return;
	}
	LIST_REMOVE(dropped, link);
	sh_ws_intake_fini(&dropped->intake);
	free(dropped);
}
