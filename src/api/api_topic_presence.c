/* This file is what <shoal/topic.h> says of who is there. */
#include "config.h"

#include <stdlib.h>

#include <shoal/error.h>
#include <shoal/topic.h>

#include "io/await.h"
#include "topic/presence.h"
#include "topic/topics.h"

int
shoal_co_topic_members(
    const char *topic, int timeout_ms, struct shoal_topic_members **out)
{
	struct sh_topics *topics = sh_topics_current();

	sh_await_self("shoal_co_topic_members");
	if (topics == NULL)
		return -SHOAL_ESTATE;
	return sh_presence_ask(topics, topic, true, sh_deadline_us(timeout_ms),
	    "shoal_co_topic_members", out);
}

void
shoal_topic_members_free(struct shoal_topic_members **members)
{
	if (members == NULL)
		return;
	free(*members);
	*members = NULL;
}

int
shoal_co_topic_count(const char *topic, int timeout_ms, uint64_t *count_out)
{
	struct sh_topics *topics = sh_topics_current();
	struct shoal_topic_members *members;
	int r;

	sh_await_self("shoal_co_topic_count");
	if (topics == NULL)
		return -SHOAL_ESTATE;
	r = sh_presence_ask(topics, topic, false, sh_deadline_us(timeout_ms),
	    "shoal_co_topic_count", &members);
	if (r < 0)
		return r;
	*count_out = members->count;
	free(members);
	return 0;
}
