/*
 * This file reads the main file and the files that it includes; it does not
 * look inside.
 */
#include "config.h"

#include "settings/settings_lex.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <shoal/error.h>

#include "base/mem.h"

enum {
	INCLUDE_DEPTH_MAX = 10,
	INCLUDE_FILES_MAX = 256,  /* ends files that include each other */
	CONFIG_FILE_MAX = 1 << 20 /* bytes; nobody edits more by hand */
};

/* Append the whole file to out. 0 or -errno. */
static int
read_all(int fd, struct sh_buf *out)
{
	char chunk[16384];
	ssize_t n;

	do {
		n = read(fd, chunk, sizeof(chunk));
		if (n > 0 && sh_buf_add(out, chunk, (size_t)n) < 0)
			return -EFBIG;
	} while (n > 0 || (n < 0 && errno == EINTR));
	return n < 0 ? -errno : 0;
}

/* Whether a file is read already, further out. */
static bool
is_open(const struct sh_lex_frame *frame, const struct stat *st)
{
	for (; frame != NULL; frame = frame->parent)
		if (frame->device == st->st_dev && frame->inode == st->st_ino)
			return true;
	return false;
}

/* Read one open file into tokens. 0 or -errno; ELOOP when it is being read. */
static int
lex_descriptor(struct sh_lexed *lexed, int fd, const char *name,
    const struct sh_lex_frame *parent, struct sh_diagnostics *diags)
{
	struct sh_lex_frame frame = { .parent = parent,
		.name = name,
		.depth = parent != NULL ? parent->depth + 1 : 0 };
	struct sh_buf text;
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (parent != NULL && !S_ISREG(st.st_mode))
		return -EINVAL;
	if (is_open(parent, &st))
		return -ELOOP;
	frame.device = st.st_dev;
	frame.inode = st.st_ino;
	sh_buf_init(&text, CONFIG_FILE_MAX);
	r = read_all(fd, &text);
	if (r == 0)
		sh_lex_scan(lexed,
		    sh_lexed_add_file(lexed, name, text.data, text.len), &frame,
		    diags);
	sh_buf_fini(&text);
	return r;
}

int
sh_lexed_read(
    struct sh_lexed *lexed, const char *file, struct sh_diagnostics *diags)
{
	/* a FIFO that nobody writes to is empty, and is not waited for; what
	 * somebody does write, as a shell's <(...), is read to its end */
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	int r;

	if (fd < 0)
		return -errno;
	fcntl(fd, F_SETFL, 0);
	r = lex_descriptor(lexed, fd, file, NULL, diags);
	close(fd);
	return r;
}

/* The path of an included file: relative to the file that includes it. */
static char *
resolve_path(const char *includer, const char *path)
{
	const char *slash = strrchr(includer, '/');

	if (path[0] == '/' || slash == NULL)
		return sh_xstrdup(path);
	return sh_xprintf("%.*s/%s", (int)(slash - includer), includer, path);
}

static const char *
describe_failure(int error)
{
	switch (error) {
	case -EISDIR: return "it is a folder; name one file";
	case -EINVAL: return "it is not a regular file";
	case -ELOOP: return "it includes itself";
	case -EFBIG: return "it is larger than 1 MiB";
	default: return shoal_strerror(error);
	}
}

static int
open_and_lex(struct sh_lexed *lexed, const char *path,
    const struct sh_lex_frame *frame, struct sh_diagnostics *diags)
{
	/* non-blocking: a FIFO is refused, not waited for */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	int r;

	if (fd < 0)
		return -errno;
	r = lex_descriptor(lexed, fd, path, frame, diags);
	close(fd);
	return r;
}

void
sh_lex_include(struct sh_lexed *lexed, const struct sh_lex_frame *frame,
    const struct sh_token *token, struct sh_diagnostics *diags)
{
	struct sh_buf name;
	char *text, *path;
	int r;

	if (frame == NULL || frame->depth >= INCLUDE_DEPTH_MAX ||
	    lexed->file_count >= INCLUDE_FILES_MAX) {
		sh_lexed_report(lexed, token->pos, diags,
		    "too many files include each other; at most %d deep, %d "
		    "in all",
		    INCLUDE_DEPTH_MAX, INCLUDE_FILES_MAX);
		return;
	}
	sh_buf_init(&name, 4096);
	sh_token_unescape(token, &name);
	text = sh_buf_take(&name);
	path = resolve_path(frame->name, text != NULL ? text : "");
	free(text);
	r = open_and_lex(lexed, path, frame, diags);
	if (r < 0)
		sh_lexed_report(lexed, token->pos, diags,
		    "cannot include %s: %s", path, describe_failure(r));
	free(path);
}
