/* This file is <shoal/form.h>. */
#include "config.h"

#include <string.h>

#include <shoal/form.h>
#include <shoal/thread.h>

#include "io/await.h"
#include "session/form.h"
#include "session/form_file.h"
#include "session/http_request.h"

struct writing {
	struct sh_form *form;
	int result;
};

/* In a thread. */
static void
write_piece(void *arg)
{
	struct writing *writing = arg;

	writing->result = sh_form_write(writing->form);
}

/* Take in bytes that have come, and write when there is enough of a file. */
static int
take(struct sh_form *form, const void *data, size_t len, const char **why_out)
{
	struct writing writing = { .form = form };
	const char *next = data;
	int r;

	while ((r = sh_form_take(form, &next, &len, why_out)) == 1) {
		r = shoal_co_blocking(write_piece, &writing);
		if (r == 0)
			r = writing.result;
		if (r < 0)
			break;
	}
	return r;
}

static int
receive(struct shoal_request *req, struct sh_form *form, int64_t deadline_us,
    const char **why_out)
{
	const void *data;
	ssize_t n;
	int r;

	while ((n = sh_request_read(req, &data, deadline_us)) > 0) {
		r = take(form, data, (size_t)n, why_out);
		if (r < 0)
			return r;
	}
	return n < 0 ? (int)n : sh_form_end(form, why_out);
}

static int
receive_form(struct shoal_request *req,
    const struct shoal_form_options *options, int timeout_ms)
{
	struct sh_form *form = NULL;
	const char *why = NULL;
	int r;

	r = sh_form_new(
	    shoal_request_header(req, "Content-Type"), options, &form, &why);
	if (r == 0)
		r = receive(req, form, sh_deadline_us(timeout_ms), &why);
	if (r == 0) {
		req->form = form;
		return 0;
	}
	sh_form_free(&form, req->http->loop);
	/* not what the connection or the body came to grief of */
	if (why != NULL)
		sh_request_fail(req, r == -SHOAL_EMSGSIZE ? 413 : 400);
	return r;
}

int
shoal_co_request_form(struct shoal_request *req,
    const struct shoal_form_options *options, int timeout_ms)
{
	int r;

	if (sh_request_of(req)->form != NULL)
		return 0;
	/* the rest of a form is none */
	if (req->reading.how != SH_READING_NOTHING)
		return -SHOAL_ESTATE;
	sh_request_enter(req);
	r = receive_form(req, options, timeout_ms);
	sh_request_leave(req);
	return r;
}

const char *
shoal_request_field(const struct shoal_request *req, const char *name)
{
	return shoal_request_field_bytes(req, name, NULL);
}

const char *
shoal_request_field_bytes(
    const struct shoal_request *req, const char *name, size_t *len_out)
{
	return sh_form_field(sh_request_of(req)->form, name, len_out);
}

size_t
shoal_request_field_count(const struct shoal_request *req)
{
	return sh_form_field_count(sh_request_of(req)->form);
}

const char *
shoal_request_field_at(const struct shoal_request *req, size_t i,
    const char **value_out, size_t *len_out)
{
	return sh_form_field_at(
	    sh_request_of(req)->form, i, value_out, len_out);
}

const struct shoal_upload *
shoal_request_upload(const struct shoal_request *req, const char *name)
{
	const struct shoal_upload *upload;
	size_t i;

	for (i = 0; (upload = shoal_request_upload_at(req, i)) != NULL; i++)
		if (strcmp(upload->name, name) == 0)
			break;
	return upload;
}

size_t
shoal_request_upload_count(const struct shoal_request *req)
{
	return sh_form_upload_count(sh_request_of(req)->form);
}

const struct shoal_upload *
shoal_request_upload_at(const struct shoal_request *req, size_t i)
{
	return sh_form_upload_at(sh_request_of(req)->form, i);
}

struct keeping {
	int fd;
	const char *path;
	int result;
};

/* In a thread. */
static void
keep(void *arg)
{
	struct keeping *keeping = arg;

	keeping->result = sh_form_file_keep(keeping->fd, keeping->path);
}

int
shoal_co_upload_keep(const struct shoal_upload *upload, const char *path)
{
	struct keeping keeping = { .fd = upload->fd, .path = path };
	int r = shoal_co_blocking(keep, &keeping);

	return r < 0 ? r : keeping.result;
}
