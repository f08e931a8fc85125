/* This file says in which handler the process dies. */
#include "config.h"

#include "co/co_fault.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/log.h"
#include "co/co.h"

enum {
	/* room for the signal frame of a processor with wide registers */
	ALT_STACK_SIZE = 64 * 1024,
	LINE_SIZE = 512
};

static const struct {
	int number;
	const char *name;
} faults[] = {
	{ SIGSEGV, "SIGSEGV" },
	{ SIGBUS, "SIGBUS" },
	{ SIGILL, "SIGILL" },
	{ SIGFPE, "SIGFPE" },
	{ SIGABRT, "SIGABRT" },
};

/* One line, put together without stdio: nothing else is safe here. */
struct line {
	char text[LINE_SIZE];
	size_t len;
};

static void
add(struct line *line, const char *text)
{
	while (*text != '\0' && line->len < LINE_SIZE - 1)
		line->text[line->len++] = *text++;
}

static void
add_number(struct line *line, uintptr_t value, unsigned base)
{
	char digits[24];
	size_t i = sizeof(digits) - 1;

	digits[i] = '\0';
	do {
		digits[--i] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value != 0);
	add(line, digits + i);
}

static const char *
signal_name(int number)
{
	size_t i;

	for (i = 0; i < SH_ARRAY_LEN(faults); i++)
		if (faults[i].number == number)
			return faults[i].name;
	return "signal";
}

/* Whether si_addr is a place in memory. */
static bool
has_address(const siginfo_t *info)
{
	return info->si_code > 0 && info->si_signo != SIGABRT;
}

static void
describe(struct line *line, const siginfo_t *info)
{
	const char *name = sh_co_running_name();

	add(line, "shoal[");
	add_number(line, (uintptr_t)getpid(), 10);
	add(line, "]: ");
	add(line, signal_name(info->si_signo));
	if (name != NULL) {
		add(line, " in handler ");
		add(line, name);
	} else {
		add(line, " outside of a handler");
	}
	if (!has_address(info))
		return;
	add(line, " at 0x");
	add_number(line, (uintptr_t)info->si_addr, 16);
	if (sh_co_is_guard(info->si_addr))
		add(line,
		    ": stack overflow; make its local variables or its "
		    "recursion smaller, or workers.stack_size larger");
}

static void
on_fault(int number, siginfo_t *info, void *context)
{
	struct line line = { .len = 0 };
	int saved = errno;

	/* a second fault, in here, shall end the process */
	signal(number, SIG_DFL);
	describe(&line, info);
	line.text[line.len++] = '\n';
	if (write(sh_log_fd(), line.text, line.len) < 0) {
		/* there is nowhere left to say it */
	}
	errno = saved;
	/* blocked until the return, so the core shows the place of the fault */
	raise(number);
}

int
sh_co_fault_install(void)
{
	struct sigaction action = { .sa_sigaction = on_fault,
		.sa_flags = SA_SIGINFO | SA_ONSTACK };
	stack_t stack = { .ss_size = ALT_STACK_SIZE };
	size_t i;

	stack.ss_sp = mmap(NULL, ALT_STACK_SIZE, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (stack.ss_sp == MAP_FAILED || sigaltstack(&stack, NULL) < 0)
		return -errno;
	sigemptyset(&action.sa_mask);
	for (i = 0; i < SH_ARRAY_LEN(faults); i++)
		if (sigaction(faults[i].number, &action, NULL) < 0)
			return -errno;
	return 0;
}
