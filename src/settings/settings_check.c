/*
 * This file checks what the schema cannot say about one value alone; it does
 * not look at the system, such as whether an address is free.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "base/mem.h"
#include "base/sock.h"
#include "base/text.h"
#include "proto/ws_frame.h"
#include "settings/settings_draft.h"

static const struct sh_key *
key_of(enum sh_key_scope scope, const char *path)
{
	return sh_key_find(scope, path);
}

/* Where a key of a record is, or its record when it has a default. */
static const char *
place_of(const struct sh_record *record, const char *path)
{
	return sh_record_error_place(record, key_of(record->scope, path));
}

/* "file:line" of a key of a record, for "first at"; "?" cannot happen. */
static char *
line_of(const struct sh_record *record, const char *path)
{
	const char *place = place_of(record, path);

	return place != NULL ? sh_place_line(place) : sh_xstrdup("?");
}

static bool
is_set(const struct sh_record *record, const char *path)
{
	return sh_record_place(record, key_of(record->scope, path)) != NULL;
}

/* What is inherited whole is another record's mistake. */
static bool
is_own(const struct sh_record *record, const char *path, const char *other)
{
	return record->scope == SH_SCOPE_TOP || is_set(record, path) ||
	    is_set(record, other);
}

void
sh_draft_check_queue(struct sh_draft *draft, const struct sh_record *record,
    const struct sh_settings_queue *queue)
{
	static const char low[] = "limits.send_queue.low";
	static const char high[] = "limits.send_queue.high";
	static const char code[] = "limits.send_queue.close_code";
	char prefix[SH_RECORD_PREFIX_MAX];

	if (record->failed)
		return;
	sh_record_prefix(record, prefix, sizeof(prefix));
	if (queue->low > queue->high && is_own(record, low, high))
		sh_diagnose(draft->diags,
		    place_of(record, is_set(record, low) ? low : high),
		    "%slimits.send_queue: low (%lld bytes) is above high (%lld "
		    "bytes)",
		    prefix, (long long)queue->low, (long long)queue->high);
	if (!sh_ws_code_is_allowed((unsigned)queue->close_code) &&
	    is_own(record, code, code))
		sh_diagnose(draft->diags, place_of(record, code),
		    "%s%s = %lld may not be sent; 1013 (try again later) and "
		    "1008 (policy) suit, 4000..4999 are for applications",
		    prefix, code, (long long)queue->close_code);
}

static void
check_control_path(struct sh_draft *draft, const struct sh_record *record)
{
	struct sockaddr_un un;
	const char *path =
	    sh_image_text(&draft->image, draft->image.top.control.path);

	if (strlen(path) >= sizeof(un.sun_path))
		sh_diagnose(draft->diags, place_of(record, "control.path"),
		    "control.path: a unix socket path has at most %zu bytes, "
		    "got %zu",
		    sizeof(un.sun_path) - 1, strlen(path));
}

/* Positions in it are masked. */
static void
check_ring(struct sh_draft *draft, const struct sh_record *record, int64_t ring)
{
	int64_t below = 1;
	char have[32], lower[32], higher[32];

	if (record->failed || (ring & (ring - 1)) == 0)
		return;
	while (below * 2 < ring)
		below *= 2;
	sh_diagnose(draft->diags, place_of(record, "topics.ring"),
	    "topics.ring: %s is no power of two; %s and %s are",
	    sh_size_format(ring, have, sizeof(have)),
	    sh_size_format(below, lower, sizeof(lower)),
	    sh_size_format(below * 2, higher, sizeof(higher)));
}

static void
check_top(struct sh_draft *draft)
{
	const struct sh_record *record = &draft->doc->records[0];
	const struct sh_settings *top = &draft->image.top;

	check_control_path(draft, record);
	if (!record->failed &&
	    !sh_ws_code_is_allowed((unsigned)top->reload.close_code))
		sh_diagnose(draft->diags, place_of(record, "reload.close_code"),
		    "reload.close_code = %lld may not be sent; 1012 (restart) "
		    "and 1001 (going away) suit, 4000..4999 are for "
		    "applications",
		    (long long)top->reload.close_code);
	check_ring(draft, record, top->topics.ring);
	sh_draft_check_broker(draft, record);
	sh_draft_check_queue(draft, record, &top->limits.queue);
	if (!record->failed &&
	    top->workers.backoff_first_ms > top->workers.backoff_max_ms)
		sh_diagnose(draft->diags,
		    place_of(record,
			is_set(record, "workers.backoff.first")
			    ? "workers.backoff.first"
			    : "workers.backoff.max"),
		    "workers.backoff: first (%lld ms) is above max (%lld ms)",
		    (long long)top->workers.backoff_first_ms,
		    (long long)top->workers.backoff_max_ms);
}

/* A module's name is half of a handler's name, "chat.room". */
static bool
is_module_name(const char *name)
{
	return name[0] >= 'a' && name[0] <= 'z' &&
	    name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_")] == '\0';
}

/* The record before this one with the same name, or NULL. */
static const struct sh_record *
find_namesake(
    struct sh_draft *draft, const struct sh_record *record, const char *name)
{
	const struct sh_key *key = key_of(record->scope, "name");
	const struct sh_record *other = draft->doc->records;
	struct sh_text text;

	for (; other < record; other++) {
		if (other->scope != record->scope)
			continue;
		memcpy(&text,
		    (char *)sh_image_record(
			&draft->image, other->scope, other->index) +
			key->offset,
		    sizeof(text));
		if (strcmp(sh_image_text(&draft->image, text), name) == 0)
			return other;
	}
	return NULL;
}

static void
check_name(
    struct sh_draft *draft, const struct sh_record *record, const char *name)
{
	const struct sh_record *other = find_namesake(draft, record, name);
	char prefix[SH_RECORD_PREFIX_MAX];
	char *first;

	if (name[0] == '\0' || other == NULL)
		return;
	first = line_of(other, "name");
	sh_diagnose(draft->diags, place_of(record, "name"),
	    "%sname: '%s' is taken already, at %s",
	    sh_record_prefix(record, prefix, sizeof(prefix)), name, first);
	free(first);
}

static void
check_module(struct sh_draft *draft, const struct sh_record *record)
{
	const struct sh_settings_module *module =
	    &draft->image.modules[record->index];
	const char *name = sh_image_text(&draft->image, module->name);

	if (module->name.off != 0 && !is_module_name(name))
		sh_diagnose(draft->diags, place_of(record, "name"),
		    "modules[%u].name: expected a-z, then a-z, 0-9 or _, "
		    "got \"%s\"",
		    record->index, name);
	check_name(draft, record, name);
}

/* The address of a listener, when it has one that parses. */
static bool
parse_address(struct sh_draft *draft, uint32_t index, struct sh_addr *addr,
    const char **why_out)
{
	return sh_addr_parse(addr,
		   sh_image_text(
		       &draft->image, draft->image.listeners[index].address),
		   why_out) == 0;
}

/* Two listeners cannot have one address; port 0 is a new one each time. */
static bool
check_address_unique(struct sh_draft *draft, const struct sh_record *record,
    const struct sh_addr *addr)
{
	const struct sh_record *other = draft->doc->records;
	struct sh_addr taken;
	const char *why;
	char *first;

	if (!sh_addr_is_unix(addr) && sh_addr_port(addr) == 0)
		return true;
	for (; other < record; other++) {
		if (other->scope != SH_SCOPE_LISTENER ||
		    !parse_address(draft, other->index, &taken, &why) ||
		    taken.len != addr->len ||
		    memcmp(&taken.storage, &addr->storage, addr->len) != 0)
			continue;
		first = line_of(other, "address");
		sh_diagnose(draft->diags, place_of(record, "address"),
		    "listeners[%u].address: '%s' is taken already, at %s",
		    record->index,
		    sh_image_text(&draft->image,
			draft->image.listeners[record->index].address),
		    first);
		free(first);
		return false;
	}
	return true;
}

static bool
check_address(struct sh_draft *draft, const struct sh_record *record)
{
	struct sh_addr addr;
	const char *why;

	if (draft->image.listeners[record->index].address.off == 0)
		return false; /* reported already */
	if (parse_address(draft, record->index, &addr, &why))
		return check_address_unique(draft, record, &addr);
	sh_diagnose(draft->diags, place_of(record, "address"),
	    "listeners[%u].address: '%s': %s", record->index,
	    sh_image_text(
		&draft->image, draft->image.listeners[record->index].address),
	    why);
	return false;
}

/* Report keys that the protocol has no use for. */
static void
check_protocol(struct sh_draft *draft, const struct sh_record *record)
{
	bool http =
	    draft->image.listeners[record->index].protocol == SH_PROTOCOL_HTTP;
	unsigned useless = http ? SH_KEY_TCP : SH_KEY_HTTP;
	const struct sh_key *key;

	for (key = sh_keys; key->path != NULL; key++)
		if ((key->flags & useless) != 0 &&
		    sh_record_place(record, key) != NULL)
			sh_diagnose(draft->diags, sh_record_place(record, key),
			    "listeners[%u].%s needs protocol = \"%s\"",
			    record->index, key->path, http ? "tcp" : "http");
}

static void
check_listener(struct sh_draft *draft, const struct sh_record *record)
{
	struct sh_settings_listener *listener =
	    &draft->image.listeners[record->index];

	if (listener->name.off == 0)
		listener->name = listener->address;
	/* one message is enough when the address is the name */
	if (check_address(draft, record) || is_set(record, "name"))
		check_name(draft, record,
		    sh_image_text(&draft->image, listener->name));
	sh_draft_check_queue(draft, record, &listener->limits.queue);
	check_protocol(draft, record);
	sh_draft_check_framing(draft, record);
	sh_draft_check_routes(draft, record);
}

static void
check_history(struct sh_draft *draft, const struct sh_record *record)
{
	const struct sh_settings_history *history =
	    &draft->image.histories[record->index];

	if (!record->failed && history->count == 0 && history->bytes == 0 &&
	    history->age_ms == 0)
		sh_diagnose(draft->diags, record->place,
		    "topics.history[%u] has no bound: count, bytes or age",
		    record->index);
}

void
sh_draft_check(struct sh_draft *draft)
{
	size_t i;

	for (i = 0; i < draft->doc->record_count; i++) {
		const struct sh_record *record = &draft->doc->records[i];

		if (record->scope == SH_SCOPE_TOP)
			check_top(draft);
		else if (record->scope == SH_SCOPE_HISTORY)
			check_history(draft, record);
		else if (record->scope == SH_SCOPE_MODULE)
			check_module(draft, record);
		else if (record->scope == SH_SCOPE_LISTENER)
			check_listener(draft, record);
	}
}
