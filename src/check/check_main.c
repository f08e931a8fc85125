/* This file is the check process: it tells the master what a check found. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <shoal/error.h>

#include "base/log.h"
#include "check/check.h"
#include "proc/channel.h"

enum { STATUS_OK = 0, STATUS_RESTART = 1, STATUS_OS = 71, STATUS_CONFIG = 78 };

/* The plan in a file without a name that nobody can change any more. */
static int
make_memfd(const struct sh_plan *plan)
{
	int fd = memfd_create("shoal-plan", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	size_t done = 0;

	if (fd < 0)
		return -errno;
	while (done < plan->size) {
		ssize_t n =
		    write(fd, (const char *)plan + done, plan->size - done);

		if (n < 0) {
			int error = errno;

			close(fd);
			return -error;
		}
		done += (size_t)n;
	}
	fcntl(fd, F_ADD_SEALS,
	    F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
	return fd;
}

static void
send_text(int channel_fd, const char *text)
{
	size_t len = strlen(text);

	while (len > 0) {
		size_t part =
		    len < SH_MESSAGE_TEXT_MAX ? len : SH_MESSAGE_TEXT_MAX;

		sh_channel_send_text(
		    channel_fd, SH_MESSAGE_TEXT, "%.*s", (int)part, text);
		text += part;
		len -= part;
	}
}

static int
send_result(int channel_fd, const struct sh_check_result *result)
{
	struct sh_message message = { .type = SH_MESSAGE_PLAN };
	int fd = make_memfd(result->plan);
	uint32_t i;
	int r;

	if (fd < 0)
		return fd;
	r = sh_channel_send(channel_fd, &message, fd);
	close(fd);
	message.type = SH_MESSAGE_MODULE;
	for (i = 0; i < result->module_count && r == 0; i++)
		r = sh_channel_send(
		    channel_fd, &message, result->module_fds[i]);
	return r;
}

int
sh_check_main(const struct sh_plan *previous, int channel_fd, void *arg)
{
	struct sh_diagnostics diags = { 0 };
	struct sh_check_result result;
	struct sh_buf text;
	char *words;
	int status = STATUS_OK, r;

	sh_log_set_role("check");
	/* nothing else waits in this process, so waiting for the master to
	 * read is fine */
	fcntl(channel_fd, F_SETFL, 0);
	r = sh_check(arg, previous, &result, &diags);
	/* good in itself, but not for the master that runs */
	if (r < 0)
		status = r == -SHOAL_ESTATE ? STATUS_RESTART : STATUS_CONFIG;
	sh_buf_init(&text, 256 << 10);
	if (diags.count != 0)
		sh_diagnostics_format(&diags, &text);
	if (status == STATUS_OK && (r = send_result(channel_fd, &result)) < 0) {
		sh_buf_printf(
		    &text, "cannot hand over the plan: %s\n", strerror(-r));
		status = STATUS_OS;
	}
	words = sh_buf_take(&text);
	if (words != NULL)
		send_text(channel_fd, words);
	free(words);
	sh_channel_send_value(channel_fd, SH_MESSAGE_DONE, status);
	sh_diagnostics_fini(&diags);
	sh_check_result_fini(&result);
	return status;
}
