/* This file asks a master something over its control socket, and waits. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "cmd/cmd.h"
#include "proc/control.h"

/* A connection to a master. */
struct sh_cmd_client {
	int fd;
	int pidfd;           /* of the master; -1 when it cannot be had */
	int64_t deadline_ms; /* monotonic */
	char path[512];      /* of the socket */
	const char *problem; /* with the path itself, or NULL */
};

/** Connect. 0, or a negative error code. */
int sh_cmd_client_open(struct sh_cmd_client *client,
    const struct sh_cmd_line *line, int64_t default_timeout_ms);
void sh_cmd_client_close(struct sh_cmd_client *client);
/** Send a request. 0 or a negative error code. */
int sh_cmd_client_send(
    struct sh_cmd_client *client, const struct sh_control_request *request);
/** Wait for the answer. The status it carries, with its text in *body_out
 *  (the caller frees it); -SHOAL_ETIMEDOUT, -SHOAL_ECONNRESET when the master
 *  went away, or another negative code. */
int sh_cmd_client_receive(struct sh_cmd_client *client, char **body_out);
/** Wait until the master is gone. 0, -SHOAL_ETIMEDOUT or -errno. */
int sh_cmd_client_wait_gone(struct sh_cmd_client *client);
/** What poll(2) may wait until a deadline, in ms. */
int sh_cmd_poll_ms(int64_t deadline_ms);
/** Say why no master was reached; returns the exit status for it. */
int sh_cmd_explain(const struct sh_cmd_client *client,
    const struct sh_cmd_line *line, int error);
/** Send a request, print the answer. The exit status. */
int sh_cmd_ask(const struct sh_cmd_line *line,
    const struct sh_control_request *request, int64_t default_timeout_ms);
