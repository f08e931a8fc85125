/*
 * This file closes the files of forms. To close a file without a name is to
 * delete it, and for a large one that takes the file system a while: a thread
 * does it.
 */
#include "config.h"

#include "session/form_close.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/mem.h"
#include "io/thread_pool.h"

struct closing {
	struct sh_job job;
	size_t count;
	int fds[];
};

static void
close_all(const int *fds, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		close(fds[i]);
}

static void
run(struct sh_job *job)
{
	struct closing *closing = SH_CONTAINER(job, struct closing, job);

	close_all(closing->fds, closing->count);
	closing->count = 0;
}

static void
done(struct sh_job *job)
{
	free(SH_CONTAINER(job, struct closing, job));
}

/* Never run, perhaps: then the loop has ended, and so does the process. */
static void
drop(struct sh_job *job)
{
	run(job);
	free(SH_CONTAINER(job, struct closing, job));
}

void
sh_form_close(const int *fds, size_t count, struct sh_loop *loop)
{
	struct closing *closing = loop == NULL || count == 0
	    ? NULL
	    : sh_try_calloc(1, sizeof(*closing) + count * sizeof(*fds));

	if (closing != NULL) {
		closing->job =
		    (struct sh_job){ .run = run, .done = done, .drop = drop };
		closing->count = count;
		memcpy(closing->fds, fds, count * sizeof(*fds));
		if (sh_job_start(loop, &closing->job) == 0)
			return;
		free(closing);
	}
	close_all(fds, count);
}
