/*
 * This file collects what comes with a form. Fields go to form_values.c, files
 * into a piece of memory that is written when it is full.
 */
#include "config.h"

#include "session/form.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/panic.h"
#include "proto/http_parameter.h"
#include "proto/multipart.h"
#include "session/form_close.h"
#include "session/form_file.h"
#include "session/form_pairs.h"
#include "session/form_values.h"

enum {
	HEAD_SIZE = 8192, /* bytes of a part's head */
	HEAD_FIELDS = 32,
	PIECE = 256 * 1024,     /* bytes that are written at once */
	LARGE = 4 * 1024 * 1024 /* bytes of files that a thread closes */
};

struct upload {
	struct shoal_upload shown; /* its texts are set at the end */
	size_t name, filename, type;
};

enum part { NO_PART, FIELD, FILE_BEGUN, FILE_ENDS };

struct sh_form {
	struct shoal_form_options limits; /* -1: off */
	struct sh_form_values values;
	bool is_multipart, complete;

	struct sh_form_pairs pairs;

	struct sh_multipart multipart;
	char *head;
	enum part part; /* what comes just now */
	bool ended;     /* the last part has come */

	char *piece; /* of a file, NULL until the first one */
	size_t piece_len;
	int64_t file_total; /* bytes of all files */
	struct upload *uploads;
	size_t upload_count, upload_cap;
};

static int64_t
resolve(int64_t value, int64_t standard)
{
	return value == 0 ? standard : value;
}

static void
resolve_options(struct sh_form *form, const struct shoal_form_options *options)
{
	struct shoal_form_options *limits = &form->limits;

	if (options != NULL)
		memcpy(limits, options,
		    options->size < sizeof(*limits) ? options->size
						    : sizeof(*limits));
	limits->files = resolve(limits->files, 20);
	limits->file_size = resolve(limits->file_size, -1);
	form->values.field_max = resolve(limits->fields, 1000);
	form->values.memory_max = resolve(limits->memory, 1024 * 1024);
	if (limits->folder == NULL)
		limits->folder = secure_getenv("TMPDIR");
	if (limits->folder == NULL || limits->folder[0] == '\0')
		limits->folder = "/tmp";
}

static int
begin_multipart(struct sh_form *form, const char *type, const char **why_out)
{
	char boundary[2 * SH_MULTIPART_BOUNDARY_MAX];
	struct sh_http_parameter parameter;
	size_t len;

	if (sh_http_parameter_find(
		type, strlen(type), "boundary", &parameter) <= 0 ||
	    parameter.value_len > sizeof(boundary)) {
		*why_out = "the Content-Type has no good boundary";
		return -SHOAL_EPROTO;
	}
	len = sh_http_parameter_decode(boundary, &parameter);
	form->head = sh_try_calloc(1, HEAD_SIZE);
	if (form->head == NULL)
		return -SHOAL_ENOMEM;
	return sh_multipart_begin(&form->multipart, boundary, len, form->head,
		   HEAD_SIZE, HEAD_FIELDS, why_out) < 0
	    ? -SHOAL_EPROTO
	    : 0;
}

int
sh_form_new(const char *type, const struct shoal_form_options *options,
    struct sh_form **out, const char **why_out)
{
	size_t len = type != NULL ? strlen(type) : 0;
	bool is_multipart =
	    sh_http_media_type_is(type, len, "multipart/form-data");
	struct sh_form *form;
	int r = 0;

	if (options != NULL && options->size == 0)
		return -SHOAL_EINVAL;
	if (!is_multipart &&
	    !sh_http_media_type_is(
		type, len, "application/x-www-form-urlencoded"))
		return -SHOAL_EINVAL;
	form = sh_try_calloc(1, sizeof(*form));
	if (form == NULL)
		return -SHOAL_ENOMEM;
	resolve_options(form, options);
	form->is_multipart = is_multipart;
	sh_form_pairs_init(&form->pairs, &form->values);
	if (is_multipart)
		r = begin_multipart(form, type, why_out);
	if (r < 0)
		sh_form_free(&form, NULL);
	else
		*out = form;
	return r;
}

static void
close_files(struct sh_form *form, struct sh_loop *loop)
{
	int *fds = sh_try_calloc(form->upload_count + 1, sizeof(*fds));
	size_t i, n = 0;

	for (i = 0; i < form->upload_count; i++) {
		int fd = form->uploads[i].shown.fd;

		if (fd >= 0 && fds != NULL)
			fds[n++] = fd;
		else if (fd >= 0)
			close(fd);
	}
	sh_form_close(fds, n, form->file_total > LARGE ? loop : NULL);
	free(fds);
}

void
sh_form_free(struct sh_form **form_at, struct sh_loop *loop)
{
	struct sh_form *form = *form_at;

	if (form == NULL)
		return;
	if (form->upload_count > 0)
		close_files(form, loop);
	sh_form_pairs_fini(&form->pairs);
	sh_form_values_fini(&form->values);
	free(form->head);
	free(form->piece);
	free(form->uploads);
	free(form);
	*form_at = NULL;
}

static int
note_texts(struct sh_form *form, struct upload *upload,
    const struct sh_multipart_part *part, const char **why_out)
{
	const char *type = part->type != NULL ? part->type : "";
	const char *texts[] = { part->name, part->filename, type };
	size_t *places[] = { &upload->name, &upload->filename, &upload->type };
	size_t i;
	int r = 0;

	for (i = 0; i < 3 && r == 0; i++)
		r = sh_form_values_add_text(&form->values, texts[i],
		    strlen(texts[i]), places[i], why_out);
	return r;
}

static int
begin_file(struct sh_form *form, const struct sh_multipart_part *part,
    const char **why_out)
{
	struct upload upload = { .shown = { .fd = -1 } };
	int r;

	if (sh_form_is_beyond(form->limits.files, form->upload_count + 1)) {
		*why_out = "the form has too many files";
		return -SHOAL_EMSGSIZE;
	}
	r = note_texts(form, &upload, part, why_out);
	if (r < 0)
		return r;
	if (form->piece == NULL)
		form->piece = sh_try_calloc(1, PIECE);
	if (form->piece == NULL ||
	    sh_form_array_grow(&form->uploads, &form->upload_cap,
		form->upload_count, sizeof(*form->uploads)) < 0)
		return -SHOAL_ENOMEM;
	form->uploads[form->upload_count++] = upload;
	form->part = FILE_BEGUN;
	return 0;
}

static int
begin_part(struct sh_form *form, const struct sh_multipart_part *part,
    const char **why_out)
{
	if (part->filename != NULL)
		return begin_file(form, part, why_out);
	form->part = FIELD;
	return sh_form_values_begin(
	    &form->values, part->name, strlen(part->name), why_out);
}

/* Take data of a file; there is room for it in the piece. */
static int
take_file_data(
    struct sh_form *form, const char *data, size_t len, const char **why_out)
{
	struct shoal_upload *upload =
	    &form->uploads[form->upload_count - 1].shown;

	if (sh_form_is_beyond(
		form->limits.file_size, (uint64_t)upload->size + len)) {
		*why_out = "a file of the form is too large";
		return -SHOAL_EMSGSIZE;
	}
	sh_assert(len <= PIECE - form->piece_len);
	memcpy(form->piece + form->piece_len, data, len);
	form->piece_len += len;
	upload->size += (int64_t)len;
	form->file_total += (int64_t)len;
	return 0;
}

/* The end of a part. 1 when it is a file, which has to be written. */
static int
end_part(struct sh_form *form)
{
	const struct upload *upload;

	if (form->part == FIELD) {
		sh_form_values_end(&form->values);
		form->part = NO_PART;
		return 0;
	}
	upload = &form->uploads[form->upload_count - 1];
	if (upload->shown.size == 0 &&
	    form->values.bytes[upload->filename] == '\0') {
		form->upload_count--; /* its place was left empty */
		form->part = NO_PART;
		return 0;
	}
	form->part = FILE_ENDS;
	return 1;
}

static int
handle_event(struct sh_form *form, int event,
    const struct sh_multipart_part *part, const char *piece, size_t len,
    const char **why_out)
{
	switch (event) {
	case SH_MULTIPART_PART: return begin_part(form, part, why_out);
	case SH_MULTIPART_DATA:
		if (form->part == FIELD)
			return sh_form_values_add(
			    &form->values, piece, len, why_out);
		return take_file_data(form, piece, len, why_out);
	case SH_MULTIPART_PART_END: return end_part(form);
	case SH_MULTIPART_END: form->ended = true; return 0;
	default: return 0;
	}
}

/* How many bytes may be parsed at once: the parser gives no more data than it is
 * given, or a delimiter that was none. 0 when the piece is as good as full. */
static size_t
get_portion(const struct sh_form *form, size_t len)
{
	size_t room = PIECE - form->piece_len;

	if (form->part != FILE_BEGUN)
		return len < PIECE ? len : PIECE;
	if (room <= 2 * SH_MULTIPART_DELIMITER_MAX)
		return 0;
	room -= SH_MULTIPART_DELIMITER_MAX;
	return len < room ? len : room;
}

static int
take_parts(
    struct sh_form *form, const char **data, size_t *len, const char **why_out)
{
	struct sh_multipart_part part;
	const char *piece;
	size_t portion, used, n;
	int r = 0;

	while (*len > 0 && r == 0) {
		portion = get_portion(form, *len);
		if (portion == 0)
			return 1;
		r = sh_multipart_next(&form->multipart, *data, portion, &used,
		    &part, &piece, &n, why_out);
		if (r < 0)
			return -SHOAL_EPROTO;
		*data += used;
		*len -= used;
		r = handle_event(form, r, &part, piece, n, why_out);
	}
	return r;
}

int
sh_form_take(
    struct sh_form *form, const char **data, size_t *len, const char **why_out)
{
	int r;

	if (form->is_multipart)
		return take_parts(form, data, len, why_out);
	r = sh_form_pairs_take(
	    &form->pairs, &form->values, *data, *len, why_out);
	*data += *len;
	*len = 0;
	return r;
}

int
sh_form_write(struct sh_form *form)
{
	struct shoal_upload *upload =
	    &form->uploads[form->upload_count - 1].shown;
	int r;

	if (upload->fd < 0) {
		r = sh_form_file_open(form->limits.folder);
		if (r < 0)
			return r;
		upload->fd = r;
	}
	r = sh_form_file_write(upload->fd, form->piece, form->piece_len);
	if (r < 0)
		return r;
	form->piece_len = 0;
	if (form->part != FILE_ENDS)
		return 0;
	form->part = NO_PART;
	return lseek(upload->fd, 0, SEEK_SET) < 0 ? -errno : 0;
}

/* The block of texts does not move any more. */
static void
show_uploads(struct sh_form *form)
{
	const char *bytes = form->values.bytes;
	size_t i;

	for (i = 0; i < form->upload_count; i++) {
		struct upload *upload = &form->uploads[i];

		upload->shown.name = bytes + upload->name;
		upload->shown.filename = bytes + upload->filename;
		upload->shown.type = bytes + upload->type;
	}
}

int
sh_form_end(struct sh_form *form, const char **why_out)
{
	int r;

	if (form->is_multipart && !form->ended) {
		*why_out = "the form ends before its last boundary";
		return -SHOAL_EPROTO;
	}
	r = sh_form_pairs_end(&form->pairs, &form->values, why_out);
	if (r < 0)
		return r;
	sh_form_pairs_fini(&form->pairs);
	free(form->head);
	free(form->piece);
	form->head = form->piece = NULL;
	show_uploads(form);
	form->complete = true;
	return 0;
}

size_t
sh_form_field_count(const struct sh_form *form)
{
	return form != NULL && form->complete ? form->values.field_count : 0;
}

const char *
sh_form_field_at(const struct sh_form *form, size_t i, const char **value_out,
    size_t *len_out)
{
	const struct sh_form_field *field;

	if (i >= sh_form_field_count(form))
		return NULL;
	field = &form->values.fields[i];
	if (value_out != NULL)
		*value_out = form->values.bytes + field->value;
	if (len_out != NULL)
		*len_out = field->value_len;
	return form->values.bytes + field->name;
}

const char *
sh_form_field(const struct sh_form *form, const char *name, size_t *len_out)
{
	size_t i, len = strlen(name), count = sh_form_field_count(form);

	for (i = 0; i < count; i++) {
		const struct sh_form_field *field = &form->values.fields[i];

		/* a name with a NUL in it is not what is in front of that */
		if (field->name_len != len ||
		    memcmp(form->values.bytes + field->name, name, len) != 0)
			continue;
		if (len_out != NULL)
			*len_out = field->value_len;
		return form->values.bytes + field->value;
	}
	return NULL;
}

size_t
sh_form_upload_count(const struct sh_form *form)
{
	return form != NULL && form->complete ? form->upload_count : 0;
}

const struct shoal_upload *
sh_form_upload_at(const struct sh_form *form, size_t i)
{
	return i < sh_form_upload_count(form) ? &form->uploads[i].shown : NULL;
}
