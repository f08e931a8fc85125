/* This file is the names of topics, of <shoal/topic.h>. */
#include "config.h"

#include <string.h>

#include <shoal/topic.h>

#include "topic/filter.h"

bool
shoal_topic_is_valid(const char *topic)
{
	return sh_topic_is_valid(topic, strlen(topic));
}
