/* This file makes and opens bodies of messages; it sends none. */
#include "config.h"

#include "crew/crew_body.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <shoal/error.h>
#include <shoal/pool.h>

#include "base/panic.h"

/* Nobody can change or cut off what others have mapped. */
enum { SEALS = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE };

static int
write_all(int fd, const char *data, size_t len)
{
	while (len != 0) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

int
sh_body_make(struct sh_body *body, const void *data, size_t len)
{
	int r;

	body->len = len;
	body->fd = -1;
	if (len <= sizeof(body->bytes)) {
		if (len != 0)
			memcpy(body->bytes, data, len);
		return 0;
	}
	body->fd =
	    memfd_create("shoal-message", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (body->fd < 0)
		return -errno;
	r = write_all(body->fd, data, len);
	if (r == 0 && fcntl(body->fd, F_ADD_SEALS, SEALS | F_SEAL_SEAL) < 0)
		r = -errno;
	if (r < 0)
		sh_body_close(body);
	return r;
}

/* A sender means well, but its memory may be damaged. */
static int
measure(int fd, size_t *len_out)
{
	int seals = fcntl(fd, F_GET_SEALS);
	struct stat st;

	if (seals < 0 || (seals & SEALS) != SEALS || fstat(fd, &st) < 0 ||
	    st.st_size <= 0 || st.st_size > SHOAL_POOL_MESSAGE_MAX)
		return -SHOAL_EINVAL;
	*len_out = (size_t)st.st_size;
	return 0;
}

int
sh_body_take(struct sh_body *body, const struct sh_message *message, int *fd)
{
	body->fd = -1;
	if (message->type == SH_MESSAGE_POST) {
		body->len = message->text_len;
		memcpy(body->bytes, message->text, body->len);
		return 0;
	}
	if (*fd < 0)
		return -EMFILE;
	if (measure(*fd, &body->len) < 0)
		return -SHOAL_EINVAL;
	body->fd = *fd;
	*fd = -1;
	return 0;
}

void
sh_body_put(const struct sh_body *body, int value, struct sh_message *message)
{
	message->type = body->fd < 0 ? SH_MESSAGE_POST : SH_MESSAGE_PARCEL;
	message->value = value;
	message->text_len = 0;
	if (body->fd >= 0)
		return;
	sh_assert(body->len <= sizeof(body->bytes));
	message->text_len = (uint32_t)body->len;
	memcpy(message->text, body->bytes, body->len);
}

void
sh_body_close(struct sh_body *body)
{
	if (body->fd >= 0)
		close(body->fd);
	body->fd = -1;
}

int
sh_view_open(struct sh_view *view, const struct sh_body *body)
{
	view->len = body->len;
	view->map = NULL;
	view->data = body->bytes;
	if (body->fd < 0)
		return 0;
	view->map = mmap(NULL, body->len, PROT_READ, MAP_PRIVATE, body->fd, 0);
	view->data = view->map;
	if (view->map != MAP_FAILED)
		return 0;
	*view = (struct sh_view){ 0 };
	return -errno;
}

void
sh_view_close(struct sh_view *view)
{
	if (view->map != NULL)
		munmap(view->map, view->len);
	*view = (struct sh_view){ 0 };
}
