/*
 * This file takes the processor time of a process and all below it from
 * /proc. schedstat counts nanoseconds; where the kernel does not keep it, the
 * clock ticks of stat have to do.
 */
#include "config.h"

#include "load.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_PROCESSES = 4096 };

struct process {
	pid_t pid, parent;
	uint64_t ticks;
	bool member;
};

/* The name in stat may hold anything, so count the fields from its end. */
static bool
read_stat(pid_t pid, struct process *process)
{
	char path[64], text[1024], *end;
	unsigned long long user, kernel, child_user, child_kernel;
	FILE *file;
	size_t len;
	int parent;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	file = fopen(path, "re");
	if (file == NULL)
		return false;
	len = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[len] = '\0';
	end = strrchr(text, ')');
	if (end == NULL ||
	    sscanf(end + 1,
		" %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u"
		" %llu %llu %llu %llu",
		&parent, &user, &kernel, &child_user, &child_kernel) != 5)
		return false;
	*process = (struct process){ .pid = pid,
		.parent = parent,
		.ticks = user + kernel + child_user + child_kernel };
	return true;
}

static size_t
list_processes(struct process *list, size_t cap)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;
	size_t n = 0;

	if (dir == NULL)
		return 0;
	while (n < cap && (entry = readdir(dir)) != NULL) {
		int pid = atoi(entry->d_name);

		if (pid > 0 && read_stat(pid, &list[n]))
			n++;
	}
	closedir(dir);
	return n;
}

static bool
is_below_member(const struct process *list, size_t n, pid_t parent)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (list[i].pid == parent)
			return list[i].member;
	return false;
}

static size_t
mark_tree(struct process *list, size_t n, pid_t root)
{
	size_t i, before, members = 0;

	do {
		before = members;
		for (i = 0; i < n; i++) {
			if (list[i].member)
				continue;
			list[i].member = list[i].pid == root ||
			    is_below_member(list, n, list[i].parent);
			members += list[i].member;
		}
	} while (members > before);
	return members;
}

static void
add_schedstat(struct load_cpu *cpu, pid_t pid, const char *thread)
{
	char path[320];
	unsigned long long run, waited;
	FILE *file;

	snprintf(
	    path, sizeof(path), "/proc/%d/task/%s/schedstat", (int)pid, thread);
	file = fopen(path, "re");
	if (file == NULL)
		return;
	if (fscanf(file, "%llu %llu", &run, &waited) == 2) {
		cpu->run_ns += run;
		cpu->wait_ns += waited;
	}
	fclose(file);
}

static void
add_threads(struct load_cpu *cpu, pid_t pid)
{
	char path[64];
	struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	dir = opendir(path);
	if (dir == NULL)
		return;
	while ((entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.')
			add_schedstat(cpu, pid, entry->d_name);
	closedir(dir);
}

bool
load_cpu_read(pid_t pid, struct load_cpu *cpu_out)
{
	static struct process list[MAX_PROCESSES];
	uint64_t tick_ns = 1000000000ull / (uint64_t)sysconf(_SC_CLK_TCK);
	size_t n = list_processes(list, MAX_PROCESSES), i;

	memset(cpu_out, 0, sizeof(*cpu_out));
	if (mark_tree(list, n, pid) == 0)
		return false;
	for (i = 0; i < n; i++) {
		if (!list[i].member)
			continue;
		add_threads(cpu_out, list[i].pid);
		cpu_out->ticks_ns += list[i].ticks * tick_ns;
		cpu_out->members =
		    cpu_out->members * 1000003 + (uint64_t)list[i].pid;
	}
	return true;
}

uint64_t
load_cpu_between(const struct load_cpu *a, const struct load_cpu *b)
{
	if (a->members == b->members && b->run_ns > a->run_ns)
		return b->run_ns - a->run_ns;
	return b->ticks_ns > a->ticks_ns ? b->ticks_ns - a->ticks_ns : 0;
}
