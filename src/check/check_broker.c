/* This file finds the password of the broker. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "check/check_planning.h"

static const char key[] = "broker.password_file";

/* All of a file, at most cap bytes. Their number or -errno. */
static ssize_t
read_whole(const char *path, char *buf, size_t cap)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	size_t done = 0;
	ssize_t n = 0;

	if (fd < 0)
		return -errno;
	while (done < cap && (n = read(fd, buf + done, cap - done)) > 0)
		done += (size_t)n;
	if (n < 0)
		n = -errno;
	close(fd);
	return n < 0 ? n : (ssize_t)done;
}

/* Its first line, which may have no LF. It is read here, as the user who starts
 * the service: workers may neither be allowed to nor see it. */
static void
read_password(struct sh_planning *p, const char *path)
{
	char text[SH_BROKER_PASSWORD_MAX + 2];
	ssize_t n = read_whole(path, text, sizeof(text));
	const char *place = sh_planning_place(p, key), *end;
	size_t len;

	if (n < 0) {
		sh_diagnose(p->diags, place, "%s: cannot read '%s': %s", key,
		    path, strerror((int)-n));
		return;
	}
	end = memchr(text, '\n', (size_t)n);
	len = end != NULL ? (size_t)(end - text) : (size_t)n;
	if (len == 0 || len > SH_BROKER_PASSWORD_MAX ||
	    memchr(text, '\0', len) != NULL)
		sh_diagnose(p->diags, place,
		    "%s: the first line of '%s' is not a password of 1 to %d "
		    "bytes",
		    key, path, SH_BROKER_PASSWORD_MAX);
	else
		memcpy(p->plan->broker_password, text, len);
	explicit_bzero(text, sizeof(text));
}

/* Its first URL; there is no password in it. */
static void
name_broker(struct sh_planning *p, struct sh_settings_group url)
{
	const struct sh_settings_item *item;

	if (url.count == 0)
		return;
	item = sh_settings_item(p->settings, url, 0);
	sh_planning_copy(p, p->plan->broker, sizeof(p->plan->broker),
	    sh_planning_text(p, item->text), "broker.url");
}

void
sh_planning_broker(struct sh_planning *p)
{
	const struct sh_settings_broker *broker = &p->settings->broker;
	const char *file = sh_planning_text(p, broker->password_file);

	if (broker->type == SH_BROKER_NONE)
		return;
	name_broker(p, broker->url);
#ifndef HAVE_NATS
	if (broker->type == SH_BROKER_NATS)
		sh_diagnose(p->diags, sh_planning_place(p, "broker.type"),
		    "broker.type: this shoal was built without NATS; install "
		    "libnats-dev, and build it with ./configure --with-nats");
#endif
	if (file[0] != '\0')
		read_password(p, file);
	else
		sh_planning_copy(p, p->plan->broker_password,
		    sizeof(p->plan->broker_password),
		    sh_planning_text(p, broker->password), "broker.password");
}
