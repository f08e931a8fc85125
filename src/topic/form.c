/*
 * This file turns messages into the bytes that are sent, once for all that get the
 * same. It does not know who they are.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/panic.h"
#include "io/shared.h"
#include "topic/topics_private.h"

enum {
	/* what a function may render of one message */
	RENDERED_MAX = 64 << 20,
	/* room that it is offered first */
	RENDERED_FIRST = 512
};

static uint64_t
form_hash(shoal_topic_render_fn *render, const void *arg,
    const struct sh_deliver_form *how)
{
	uint64_t hash = sh_hash_pair((uintptr_t)render, (uintptr_t)arg);

	return sh_hash_pair(hash, how->compression * 2 + how->is_ws);
}

static struct sh_form *
find(struct sh_topics *topics, uint64_t hash, shoal_topic_render_fn *render,
    const void *arg, const struct sh_deliver_form *how)
{
	struct sh_hash_node *node = sh_hash_find(&topics->forms, hash);

	for (; node != NULL; node = sh_hash_find_next(node)) {
		struct sh_form *form = SH_CONTAINER(node, struct sh_form, node);

		if (form->render == render && form->arg == arg &&
		    form->how.is_ws == how->is_ws &&
		    form->how.compression == how->compression)
			return form;
	}
	return NULL;
}

struct sh_form *
sh_form_need(struct sh_topics *topics, shoal_topic_render_fn *render, void *arg,
    const struct sh_deliver_form *how)
{
	uint64_t hash = form_hash(render, arg, how);
	struct sh_form *form = find(topics, hash, render, arg, how);

	if (form == NULL) {
		form = sh_try_calloc(1, sizeof(*form));
		if (form == NULL)
			return NULL;
		form->node.hash = hash;
		form->topics = topics;
		form->render = render;
		form->arg = arg;
		form->how = *how;
		sh_hash_add(&topics->forms, &form->node);
	}
	form->users++;
	return form;
}

void
sh_form_drop(struct sh_form **form)
{
	struct sh_form *f = *form;

	*form = NULL;
	if (f == NULL || --f->users != 0)
		return;
	sh_hash_remove(&f->topics->forms, &f->node);
	free(f);
}

/* --- rendering -------------------------------------------------------------- */

/* Messages that a user's function renders, one after another. */
struct rendering {
	const struct sh_form *form;
	struct sh_message *const *messages;
	size_t count;
	struct sh_buf text;
	ssize_t *lens; /* 0 or negative: nothing is sent */
	bool done;
	bool failed; /* there was no room */
};

/* Called again if it needs more room than it was offered. One that has filled all of
 * it may be snprintf(3), which has cut its last byte off. False without room. */
static bool
render_one(struct rendering *r, const struct sh_message *message, ssize_t *out)
{
	const struct shoal_topic_message view =
	    sh_message_view(message, r->form->topics->node);
	size_t want = RENDERED_FIRST;
	ssize_t n;
	int tries;

	for (tries = 0; tries < 2; tries++) {
		size_t room;

		if (sh_buf_reserve(&r->text, want) < 0)
			return false;
		room = r->text.cap - r->text.len;
		n = r->form->render(
		    &view, r->text.data + r->text.len, room, r->form->arg);
		if (n < (ssize_t)room) {
			*out = n;
			r->text.len += n > 0 ? (size_t)n : 0;
			return true;
		}
		want = (size_t)n + 1;
	}
	return false;
}

static void
render_all(void *arg)
{
	struct rendering *r = arg;
	size_t i;

	for (i = 0; i < r->count && !r->failed; i++)
		r->failed = !render_one(r, r->messages[i], &r->lens[i]);
	r->done = true;
}

/* It is the user's code, so it has a coroutine, though it may not wait. */
static int
call_render(struct rendering *r)
{
	r->lens = sh_try_calloc(r->count, sizeof(*r->lens));
	if (r->lens == NULL)
		return -1;
	sh_buf_init(&r->text, RENDERED_MAX);
	sh_co_call(sh_loop_coroutines(r->form->topics->loop), render_all, r,
	    "shoal_topic_render_fn");
	if (!r->done)
		sh_panic(__FILE__, __LINE__, __func__,
		    "a shoal_topic_render_fn has waited");
	return r->failed ? -1 : 0;
}

/* The bytes of one message, before they are framed; NULL: it is not sent. */
static const char *
bytes_of(const struct rendering *r, size_t i, size_t *at, size_t *len_out)
{
	const struct sh_message *message = r->messages[i];
	const char *bytes;

	if (r->form->render == NULL) {
		*len_out = message->publication.len;
		return message->is_gap ? NULL : message->publication.data;
	}
	if (r->lens[i] <= 0)
		return NULL;
	bytes = r->text.data + *at;
	*len_out = (size_t)r->lens[i];
	*at += *len_out;
	return bytes;
}

static size_t
frames_max(const struct rendering *r)
{
	size_t i, at = 0, sum = 0, len = 0;

	for (i = 0; i < r->count; i++)
		if (bytes_of(r, i, &at, &len) != NULL)
			sum += sh_deliver_frame_max(len);
	return sum;
}

static void
write_frames(
    const struct rendering *r, struct sh_conn *conn, struct sh_rendering *out)
{
	struct sh_shared *shared = out->shared;
	size_t i, at = 0, len = 0;

	for (i = 0; i < r->count; i++) {
		const char *bytes = bytes_of(r, i, &at, &len);

		out->at[i] = shared->len;
		if (bytes != NULL)
			shared->len += sh_deliver_frame(conn, &r->form->how,
			    r->messages[i]->publication.type, bytes, len,
			    shared->data + shared->len);
		sh_assert(shared->len <= shared->cap);
		out->has_empty |= shared->len == out->at[i];
	}
	out->at[r->count] = shared->len;
}

static struct sh_rendering *
make(struct rendering *r, struct sh_conn *conn)
{
	struct sh_rendering *out = sh_try_calloc(
	    1, sizeof(*out) + (r->count + 1) * sizeof(out->at[0]));

	if (out == NULL)
		return NULL;
	out->shared = sh_shared_new(frames_max(r));
	if (out->shared == NULL) {
		free(out);
		return NULL;
	}
	out->form = (struct sh_form *)(uintptr_t)r->form;
	out->form->users++;
	out->count = r->count;
	write_frames(r, conn, out);
	return out;
}

struct sh_rendering *
sh_form_render(struct sh_form *form, struct sh_conn *conn,
    struct sh_message *const *messages, size_t count)
{
	struct rendering r = {
		.form = form, .messages = messages, .count = count
	};
	struct sh_rendering *out = NULL;

	/* the user's function may end all who have it */
	form->users++;
	if (form->render == NULL || call_render(&r) == 0)
		out = make(&r, conn);
	if (form->render != NULL && r.lens != NULL)
		sh_buf_fini(&r.text);
	free(r.lens);
	sh_form_drop(&form);
	return out;
}

void
sh_rendering_free(struct sh_rendering **rendering)
{
	struct sh_rendering *r = *rendering;

	*rendering = NULL;
	if (r == NULL)
		return;
	sh_shared_drop(&r->shared);
	sh_form_drop(&r->form);
	free(r);
}
