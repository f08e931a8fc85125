/* This file tests a whole master in a process of its own, with workers and
 * checks that are fakes: its control socket, signals, reloads that meet each
 * other, and how it ends. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/sock.h"
#include "fake_worker.h"
#include "master/master.h"
#include "proc/channel.h"
#include "support/plan.h"
#include "support/suite.h"

enum { PATIENCE_MS = 20000, ANSWER_MAX = 65536 };

static char folder[32], words_path[64], control_path[64], pid_path[64];
static pid_t master_pid;
static int master_pidfd = -1, ready_fd = -1;
/* What children tell the test, in shared memory. */
static struct {
	struct fake_report workers;
	_Atomic unsigned checks;
} * report;

/* ---- what the master is given ------------------------------------------- */

/* Say what the next check and its workers do; first word "check-...". */
static void
set_words(const char *words)
{
	char path[80];
	FILE *file;

	snprintf(path, sizeof(path), "%s.new", words_path);
	file = fopen(path, "w");
	fputs(words, file);
	fclose(file);
	rename(path, words_path);
}

static void
read_words(char *words, size_t cap)
{
	FILE *file = fopen(words_path, "r");
	size_t n = fread(words, 1, cap - 1, file);

	words[n] = '\0';
	fclose(file);
}

static void
send_plan(int channel_fd, const char *words)
{
	struct sh_message message = { .type = SH_MESSAGE_PLAN };
	struct sh_plan *plan = new_plan(0);
	int fd;

	snprintf(plan->config_path, sizeof(plan->config_path), "%s", words);
	snprintf(
	    plan->control_path, sizeof(plan->control_path), "%s", control_path);
	snprintf(plan->pid_file, sizeof(plan->pid_file), "%s", pid_path);
	if (strstr(words, "nowhere") != NULL)
		strcpy(plan->log_target, "/nonexistent-shoal/log");
	fd = seal_plan(plan);
	sh_channel_send(channel_fd, &message, fd);
	close(fd);
}

static int
fake_check(const struct sh_plan *previous, int channel_fd, void *arg)
{
	char words[256];

	read_words(words, sizeof(words));
	report->checks++;
	if (strstr(words, "check-hangs") != NULL)
		pause();
	if (strstr(words, "check-dies") != NULL)
		abort();
	if (strstr(words, "check-closes") != NULL) {
		/* says no more, and takes its time to end */
		close(channel_fd);
		poll(NULL, 0, 200);
		return 0;
	}
	if (strstr(words, "check-garbage") != NULL) {
		send(channel_fd, "garbage", 7, 0);
		send_plan(channel_fd, words);
		return 0;
	}
	if (strstr(words, "check-complains") != NULL) {
		sh_channel_send_text(
		    channel_fd, SH_MESSAGE_TEXT, "shoal.conf:7: wrong\n");
		sh_channel_send_value(
		    channel_fd, SH_MESSAGE_DONE, SH_EXIT_CONFIG);
		return SH_EXIT_CONFIG;
	}
	if (strstr(words, "check-floods") != NULL) {
		for (;;)
			if (sh_channel_send_text(channel_fd, SH_MESSAGE_TEXT,
				"more\n") == -EPIPE)
				return 0;
	}
	while (strstr(words, "check-waits") != NULL) {
		poll(NULL, 0, 5);
		read_words(words, sizeof(words));
	}
	if (strstr(words, "check-planless") == NULL)
		send_plan(channel_fd, words);
	sh_channel_send_value(channel_fd, SH_MESSAGE_DONE, 0);
	return 0;
}

/* ---- how it is driven --------------------------------------------------- */

static void
be_master(int ready)
{
	struct sh_master_options options = {
		.check = fake_check,
		.worker = fake_worker,
		.worker_arg = &report->workers,
		.ready_fd = ready,
	};
	int log_fd = open("/dev/null", O_WRONLY);

	if (getenv("VERBOSE") == NULL)
		dup2(log_fd, 2);
	_exit(sh_master_run(&options));
}

/* Begin a master; ready_fd is where its record comes. */
static void
launch(const char *words)
{
	int ends[2];

	strcpy(folder, "/tmp/shoal-master-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(words_path, sizeof(words_path), "%s/words", folder);
	snprintf(control_path, sizeof(control_path), "%s/control", folder);
	snprintf(pid_path, sizeof(pid_path), "%s/pid", folder);
	set_words(words);
	report = mmap(NULL, sizeof(*report), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_int_eq(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	master_pid = fork();
	if (master_pid == 0) {
		close(ends[0]);
		be_master(ends[1]);
	}
	close(ends[1]);
	ready_fd = ends[0];
	master_pidfd = pidfd_open(master_pid, 0);
}

static bool
wait_readable(int fd)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };

	return poll(&pollfd, 1, PATIENCE_MS) == 1;
}

/* Wait until so many checks have read what they are to do. */
static void
wait_for_checks(unsigned count)
{
	int64_t deadline_ms = sh_clock_ms() + PATIENCE_MS;

	while (report->checks < count && sh_clock_ms() < deadline_ms)
		poll(NULL, 0, 1);
	ck_assert_uint_ge(report->checks, count);
}

/* The record that `start' reads. */
static const char *
read_ready(void)
{
	static char record[4096];
	size_t len = 0;
	ssize_t n;

	do {
		ck_assert(wait_readable(ready_fd));
		n = read(ready_fd, record + len, sizeof(record) - 1 - len);
		len += n > 0 ? (size_t)n : 0;
	} while (n > 0);
	close(ready_fd);
	ready_fd = -1;
	record[len] = '\0';
	return record;
}

static void
start(const char *words)
{
	launch(words);
	ck_assert_str_eq(read_ready(), "0 \n");
}

/* Its exit status; everything of its folder must be gone. */
static int
wait_gone(void)
{
	int status;

	ck_assert_msg(wait_readable(master_pidfd), "the master goes on");
	waitpid(master_pid, &status, 0);
	ck_assert_int_lt(access(control_path, F_OK), 0);
	ck_assert_int_lt(access(pid_path, F_OK), 0);
	unlink(words_path);
	ck_assert_int_eq(rmdir(folder), 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000;
}

static int
stop(void)
{
	kill(master_pid, SIGINT);
	return wait_gone();
}

/* A connection to the master, or -1 when nobody listens (yet). */
static int
try_call(void)
{
	struct timeval patience = { .tv_sec = PATIENCE_MS / 1000 };
	struct sh_addr addr = { .len = sizeof(addr.un) };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	addr.un.sun_family = AF_UNIX;
	strcpy(addr.un.sun_path, control_path);
	if (connect(fd, &addr.sa, addr.len) == 0)
		return fd;
	close(fd);
	return -1;
}

static int
call(void)
{
	int fd = try_call();

	ck_assert_int_ge(fd, 0);
	return fd;
}

/* The socket is there before workers are, its file before it listens. */
static void
wait_for_control(void)
{
	int64_t deadline_ms = sh_clock_ms() + PATIENCE_MS;
	int fd;

	while ((fd = try_call()) < 0) {
		ck_assert_msg(sh_clock_ms() < deadline_ms, "no control socket");
		poll(NULL, 0, 1);
	}
	close(fd);
}

static int
say(const char *text)
{
	int fd = call();

	ck_assert_int_eq(
	    send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
	return fd;
}

/* All that comes back; closes the caller's end. */
static const char *
hear(int fd)
{
	static char answer[ANSWER_MAX];
	size_t len = 0;
	ssize_t n;

	while ((n = recv(fd, answer + len, sizeof(answer) - 1 - len, 0)) > 0)
		len += (size_t)n;
	close(fd);
	answer[len] = '\0';
	return answer;
}

static const char *
ask(const char *text)
{
	return hear(say(text));
}

static bool
is_in(const char *text, const char *part)
{
	return strstr(text, part) != NULL;
}

/* ---- tests -------------------------------------------------------------- */

START_TEST(status_reload_and_stop_are_answered)
{
	start("");
	ck_assert(is_in(ask("shoal/1 status\n"), "shoal/1 0 "));
	ck_assert(is_in(ask("shoal/1 status json=1\n"), "\"generation\":1"));
	ck_assert(is_in(ask("shoal/1 reload\n"), "generation 2 serves"));
	ck_assert(is_in(ask("shoal/1 restart-worker slot=0\n"), "shoal/1 0 "));
	ck_assert(is_in(ask("shoal/1 restart-worker slot=7\n"), "shoal/1 64 "));
	ck_assert(is_in(ask("shoal/1 dance\n"), "does not know 'dance'"));
	ck_assert(is_in(ask("GET / HTTP/1.1\n"), "not a request"));
	ck_assert_str_eq(ask("shoal/1 stop level=3\n"), "");
	ck_assert_int_eq(wait_gone(), 0);
}
END_TEST

START_TEST(failed_starts_say_why_and_leave_nothing)
{
	static const struct {
		const char *words, *record;
		int status;
	} cases[] = {
		{ "fails", "no database", SH_EXIT_FAILED },
		{ "aborts", "exit status 3", SH_EXIT_FAILED },
		{ "brief", "exit status 4", SH_EXIT_FAILED },
		{ "check-complains", "shoal.conf:7: wrong", SH_EXIT_CONFIG },
		{ "check-dies", "signal 6", SH_EXIT_CONFIG },
		{ "check-closes", "did not finish", SH_EXIT_CONFIG },
		{ "check-garbage", "did not finish", SH_EXIT_CONFIG },
		{ "check-planless", "no plan", SH_EXIT_INTERNAL },
		{ "nowhere", "(log.target)", SH_EXIT_CANNOT_CREATE },
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char wanted[16];
		const char *record;

		launch(cases[i].words);
		record = read_ready();
		snprintf(wanted, sizeof(wanted), "%d ", cases[i].status);
		ck_assert_msg(strncmp(record, wanted, strlen(wanted)) == 0 &&
			is_in(record, cases[i].record),
		    "%s: %s", cases[i].words, record);
		ck_assert_int_eq(wait_gone(), cases[i].status);
	}
}
END_TEST

START_TEST(failed_reloads_say_why_and_change_nothing)
{
	static const char *const cases[][2] = {
		{ "fails", "no database" },
		{ "brief", "exit status 4" },
		{ "check-complains", "shoal.conf:7: wrong" },
		{ "check-dies", "signal 6" },
		{ "check-closes", "did not finish" },
		{ "check-garbage", "did not finish" },
		{ "check-planless", "no plan" },
	};
	size_t i;

	start("");
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *answer;

		set_words(cases[i][0]);
		answer = ask("shoal/1 reload\n");
		ck_assert_msg(
		    is_in(answer, cases[i][1]) && !is_in(answer, "shoal/1 0 "),
		    "%s: %s", cases[i][0], answer);
		/* works, but not as it should */
		ck_assert(is_in(ask("shoal/1 status\n"), "shoal/1 150 "));
	}
	set_words("");
	ck_assert(is_in(ask("shoal/1 reload\n"), "shoal/1 0 "));
	ck_assert(is_in(ask("shoal/1 status\n"), "shoal/1 0 "));
	ck_assert_int_eq(stop(), 0);
}
END_TEST

START_TEST(hanging_check_gives_way_to_the_next_reload)
{
	int fd;

	start("");
	set_words("check-hangs");
	fd = say("shoal/1 reload\n");
	wait_for_checks(2);
	ck_assert(is_in(ask("shoal/1 status\n"), "shoal/1 0 "));
	set_words("");
	ck_assert(is_in(ask("shoal/1 reload\n"), "shoal/1 0 "));
	ck_assert(is_in(hear(fd), "superseded"));
	ck_assert_int_eq(stop(), 0);
}
END_TEST

START_TEST(reloads_behind_one_that_starts_are_one)
{
	int first, second, third;

	start("");
	set_words("slow");
	first = say("shoal/1 reload\n");
	/* the check is over when its workers start; either way all are
	 * answered, and the last configuration serves */
	ck_assert(is_in(ask("shoal/1 status\n"), "shoal/1 "));
	second = say("shoal/1 reload\n");
	third = say("shoal/1 reload\n");
	ck_assert(is_in(hear(first), "shoal/1 "));
	ck_assert(is_in(hear(second), "shoal/1 "));
	ck_assert(is_in(hear(third), "shoal/1 0 "));
	ck_assert_int_eq(stop(), 0);
}
END_TEST

START_TEST(stop_ends_a_reload_and_tells_its_caller)
{
	int fd;

	start("");
	set_words("check-hangs");
	fd = say("shoal/1 reload\n");
	wait_for_checks(2);
	ck_assert(is_in(ask("shoal/1 status\n"), "shoal/1 0 "));
	kill(master_pid, SIGTERM);
	ck_assert(is_in(hear(fd), "the master is stopping"));
	ck_assert_int_eq(wait_gone(), 0);
}
END_TEST

START_TEST(reload_does_not_undo_a_stop)
{
	start("lingers");
	kill(master_pid, SIGQUIT);
	ck_assert(is_in(ask("shoal/1 status json=1\n"), "\"stopping\""));
	kill(master_pid, SIGHUP);
	ck_assert(is_in(ask("shoal/1 reload\n"), "stopping"));
	ck_assert(is_in(ask("shoal/1 restart-worker slot=0\n"), "stopping"));
	ck_assert(is_in(ask("shoal/1 status json=1\n"), "\"stopping\""));
	ck_assert_int_eq(stop(), 0);
}
END_TEST

/* Pids of ready workers of a generation, from the status. */
static unsigned
find_workers(unsigned generation, pid_t *pids, unsigned cap)
{
	const char *at = ask("shoal/1 status json=1\n");
	char wanted[64];
	unsigned count = 0;

	snprintf(wanted, sizeof(wanted),
	    "\"generation\":%u,\"state\":\"ready\"", generation);
	while (count < cap && (at = strstr(at, "{\"slot\":")) != NULL) {
		const char *end = strchr(at, '}'),
			   *pid = strstr(at, "\"pid\":");
		const char *match = strstr(at, wanted);

		if (match != NULL && match < end)
			pids[count++] = (pid_t)atoi(pid + 6);
		at = end;
	}
	return count;
}

/* Kill a ready worker of a generation, three times. */
static void
make_storm(unsigned generation)
{
	int64_t deadline_ms = sh_clock_ms() + PATIENCE_MS;
	pid_t last = 0, pid;
	int deaths = 0;

	while (deaths < 3 && sh_clock_ms() < deadline_ms)
		if (find_workers(generation, &pid, 1) == 1 && pid != last) {
			kill(pid, SIGKILL);
			last = pid;
			deaths++;
		}
	ck_assert_int_eq(deaths, 3);
}

static bool
wait_for_status(const char *part)
{
	int64_t deadline_ms = sh_clock_ms() + PATIENCE_MS;

	while (sh_clock_ms() < deadline_ms)
		if (is_in(ask("shoal/1 status json=1\n"), part))
			return true;
	return false;
}

START_TEST(way_back_that_meets_a_reload_is_finished_first)
{
	int fd;

	start("slow");
	set_words("");
	ck_assert(is_in(ask("shoal/1 reload\n"), "generation 2 serves"));
	/* a check is under way while the workers die and the pool goes back */
	set_words("check-waits");
	fd = say("shoal/1 reload\n");
	wait_for_checks(3);
	make_storm(2);
	ck_assert(wait_for_status("\"phase\":\"reloading\""));
	set_words("");
	ck_assert(is_in(hear(fd), "shoal/1 0 "));
	ck_assert_int_eq(stop(), 0);
}
END_TEST

START_TEST(reload_asked_for_on_the_way_back_is_carried_out)
{
	start("slow");
	set_words("");
	ck_assert(is_in(ask("shoal/1 reload\n"), "generation 2 serves"));
	make_storm(2);
	ck_assert(wait_for_status("\"phase\":\"reloading\""));
	ck_assert(is_in(ask("shoal/1 reload\n"), "shoal/1 0 "));
	ck_assert_int_eq(stop(), 0);
}
END_TEST

START_TEST(flooding_check_does_not_hold_the_master)
{
	int fd;

	start("");
	set_words("check-floods");
	fd = say("shoal/1 reload\n");
	wait_for_checks(2);
	ck_assert(is_in(ask("shoal/1 status\n"), "shoal/1 0 "));
	set_words("");
	ck_assert(is_in(ask("shoal/1 reload\n"), "shoal/1 0 "));
	ck_assert(is_in(hear(fd), "superseded"));
	ck_assert_int_eq(stop(), 0);
}
END_TEST

START_TEST(interrupted_start_leaves_no_master)
{
	static const char *const words[] = { "never", "check-hangs" };
	size_t i;

	for (i = 0; i < 2; i++) {
		launch(words[i]);
		close(ready_fd);
		ck_assert_int_eq(wait_gone(), SH_EXIT_FAILED);
	}
}
END_TEST

START_TEST(start_that_waits_no_longer_lets_it_go_on)
{
	launch("slow");
	ck_assert_int_eq(send(ready_fd, "\n", 1, MSG_NOSIGNAL), 1);
	ck_assert_str_eq(read_ready(), "");
	wait_for_control();
	ck_assert(wait_for_status("\"phase\":\"serving\""));
	ck_assert_int_eq(stop(), 0);
}
END_TEST

START_TEST(signals_during_the_start_end_it)
{
	launch("never");
	wait_for_control();
	ck_assert(wait_for_status("\"phase\":\"starting\""));
	ck_assert(is_in(ask("shoal/1 status\n"), "start under way"));
	ck_assert(is_in(ask("shoal/1 reload\n"), "still being started"));
	kill(master_pid, SIGTERM);
	ck_assert(is_in(read_ready(), "stopped before it had started"));
	ck_assert_int_eq(wait_gone(), SH_EXIT_FAILED);
}
END_TEST

START_TEST(signals_that_a_shell_has_ignored_work)
{
	signal(SIGINT, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGCHLD, SIG_IGN);
	start("");
	kill(master_pid, SIGHUP);
	ck_assert(wait_for_status("\"generation\":2,"));
	signal(SIGCHLD, SIG_DFL);
	ck_assert_int_eq(stop(), 0);
}
END_TEST

START_TEST(callers_beyond_the_last_place_are_told)
{
	int fds[SH_CONTROL_CLIENTS + 8], i, told = 0;

	start("");
	for (i = 0; i < SH_CONTROL_CLIENTS + 8; i++)
		fds[i] = i < SH_CONTROL_CLIENTS && i % 2 == 0
		    ? say("shoal/1 sta")
		    : call();
	for (i = 0; i < SH_CONTROL_CLIENTS + 8; i++) {
		if (i >= SH_CONTROL_CLIENTS)
			told += is_in(hear(fds[i]), "too many callers");
		else
			close(fds[i]);
	}
	ck_assert_int_eq(told, 8);
	/* when it has seen that they have gone */
	ck_assert(wait_for_status("shoal/1 0 "));
	ck_assert_int_eq(stop(), 0);
}
END_TEST

START_TEST(caller_that_says_no_more_gets_its_answer)
{
	int fd;

	start("");
	fd = say("shoal/1 status\n");
	shutdown(fd, SHUT_WR);
	/* it may have been seen with the request, or after the answer */
	ck_assert(is_in(hear(fd), "shoal/1 0 "));
	ck_assert_int_eq(stop(), 0);
}
END_TEST

START_TEST(request_in_pieces_is_one_and_the_second_is_ignored)
{
	int fd;

	start("");
	fd = say("shoal/1 rel");
	ck_assert(is_in(ask("shoal/1 status\n"), "shoal/1 0 "));
	ck_assert_int_eq(send(fd, "oad\nshoal/1 stop\n", 17, 0), 17);
	ck_assert(is_in(hear(fd), "generation 2 serves"));
	ck_assert(is_in(ask("shoal/1 status\n"), "shoal/1 0 "));
	ck_assert_int_eq(stop(), 0);
}
END_TEST

START_TEST(reload_goes_on_when_its_caller_has_gone)
{
	start("");
	close(say("shoal/1 reload\n"));
	ck_assert(wait_for_status("\"generation\":2,"));
	ck_assert_int_eq(stop(), 0);
}
END_TEST

START_TEST(second_master_is_refused)
{
	pid_t first;
	int pidfd, status, ends[2];
	char record[512] = "";

	start("");
	first = master_pid;
	pidfd = master_pidfd;
	ck_assert_int_eq(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	master_pid = fork();
	if (master_pid == 0) {
		close(ends[0]);
		be_master(ends[1]);
	}
	close(ends[1]);
	ck_assert(wait_readable(ends[0]));
	ck_assert_int_gt(recv(ends[0], record, sizeof(record) - 1, 0), 0);
	ck_assert(is_in(record, "already running"));
	waitpid(master_pid, &status, 0);
	ck_assert_int_eq(WEXITSTATUS(status), SH_EXIT_FAILED);
	/* and has harmed nothing */
	master_pid = first;
	master_pidfd = pidfd;
	ck_assert(is_in(ask("shoal/1 status\n"), "shoal/1 0 "));
	ck_assert_int_eq(stop(), 0);
}
END_TEST

START_TEST(file_in_the_place_of_the_control_socket_stays)
{
	struct stat st;

	launch("check-waits");
	wait_for_checks(1);
	close(open(control_path, O_CREAT | O_WRONLY, 0600));
	set_words("");
	ck_assert(is_in(read_ready(), "(control.path)"));
	ck_assert_int_eq(stat(control_path, &st), 0);
	unlink(control_path);
	ck_assert_int_eq(wait_gone(), SH_EXIT_CANNOT_CREATE);
}
END_TEST

START_TEST(killed_master_leaves_no_worker)
{
	pid_t pids[2];
	int fds[2], i, status;

	start("");
	ck_assert_uint_eq(find_workers(1, pids, 2), 2);
	for (i = 0; i < 2; i++)
		fds[i] = pidfd_open(pids[i], 0);
	kill(master_pid, SIGKILL);
	waitpid(master_pid, &status, 0);
	for (i = 0; i < 2; i++)
		ck_assert(wait_readable(fds[i]));
	/* what it has left is no obstacle */
	unlink(words_path);
	unlink(control_path);
	unlink(pid_path);
	rmdir(folder);
}
END_TEST

SH_SUITE("process/master", status_reload_and_stop_are_answered,
    failed_starts_say_why_and_leave_nothing,
    failed_reloads_say_why_and_change_nothing,
    hanging_check_gives_way_to_the_next_reload,
    reloads_behind_one_that_starts_are_one,
    stop_ends_a_reload_and_tells_its_caller, reload_does_not_undo_a_stop,
    way_back_that_meets_a_reload_is_finished_first,
    reload_asked_for_on_the_way_back_is_carried_out,
    flooding_check_does_not_hold_the_master, interrupted_start_leaves_no_master,
    start_that_waits_no_longer_lets_it_go_on, signals_during_the_start_end_it,
    signals_that_a_shell_has_ignored_work,
    callers_beyond_the_last_place_are_told,
    caller_that_says_no_more_gets_its_answer,
    request_in_pieces_is_one_and_the_second_is_ignored,
    reload_goes_on_when_its_caller_has_gone, second_master_is_refused,
    file_in_the_place_of_the_control_socket_stays,
    killed_master_leaves_no_worker)
