/* oboro: statistics that identify nobody, from tables of personal records.
 *
 * The C interface. A policy document (YAML or JSON text) says what a table's
 * columns are and what may be released; tables come in and go out as Arrow C
 * streams. Everything else is a handful of functions.
 *
 *   oboro_error e = OBORO_ERROR_INIT;
 *   oboro_release *r = NULL;
 *   if (oboro_run(policy, &stream, NULL, &r, &e) != OBORO_OK) {
 *       fprintf(stderr, "%s\n", e.message);
 *       oboro_error_clear(&e);
 *   } else {
 *       struct ArrowArrayStream table;
 *       oboro_release_table(r, "by_prefecture", &table, &e);
 *       ...
 *       table.release(&table);
 *       oboro_release_free(r);
 *   }
 *
 * Rules that hold for every function
 *
 * - It returns OBORO_OK (0) or one of the codes below; then e, if it is not
 *   NULL, holds code and message. Messages name the column, the rule and the
 *   remedy and never hold a value of the data. On error no output is written.
 * - An input stream is always consumed: on return, also on error, it is marked
 *   as released and the caller must not touch it again.
 * - What is handed out (streams, schemas, text, bytes, messages) is C memory
 *   with C release functions. It may be released on any thread, after the
 *   handle it came from, and after a fork.
 * - Text is UTF-8 and ends with a zero byte.
 * - Different handles may be used on different threads at the same time. One
 *   handle is used by one thread at a time.
 * - A process that has been forked after the first call can't use the library
 *   in the child: every function says so with OBORO_MISUSE. Start workers with
 *   spawn or forkserver, or load the library in the child only.
 * - The library must not be unloaded (dlclose).
 *
 * Structs that callers make begin with struct_size, so that later versions can
 * add fields at the end: set it to sizeof, as the _INIT macros do.
 */
#ifndef OBORO_H
#define OBORO_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ArrowSchema;
struct ArrowArrayStream;

/* The version of this interface, major << 16 | minor. A library serves every
 * caller built for the same major version and no later minor version. */
#define OBORO_ABI_VERSION 0x00010000

/* The version of the library that this header came with. */
#define OBORO_VERSION "0.1.0"

/* Result codes. The first five are the exit codes and kinds of error that the
 * command line and the Go library use. */
#define OBORO_OK 0
#define OBORO_INPUT 1     /* unreadable input, or another failure to read or write */
#define OBORO_PLAN 2      /* refused before the first row: policy, schema, unsafe plan, budget */
#define OBORO_DATA 3      /* found in the rows: a guarantee can't be met, unlisted values */
#define OBORO_CANCELLED 4 /* the cancel flag was set, or the progress callback asked to stop */
#define OBORO_MISUSE 5    /* this interface was used against its rules */
#define OBORO_INTERNAL 6  /* a defect of the library; please report it */

typedef struct oboro_error {
	uint32_t struct_size;
	int32_t code;
	char *message; /* NULL, or text that oboro_error_clear gives back */
} oboro_error;

#define OBORO_ERROR_INIT {sizeof(oboro_error), 0, NULL}

/* Called now and then on the thread that made the call, never after it has
 * returned. total is 0 where it is not known. Return 0 to go on, anything else
 * to cancel. */
typedef int32_t (*oboro_progress)(void *data, const char *release, const char *stage, int64_t done, int64_t total);

typedef struct oboro_options {
	uint32_t struct_size;
	int32_t workers;                /* threads; 0: one per processor */
	int64_t memory;                 /* bytes beyond the input; 0: no limit */
	const char *base_dir;           /* folder of the policy's relative paths; NULL: the current one */
	const volatile int32_t *cancel; /* set to non-zero from any thread to cancel; may be NULL */
	oboro_progress progress;        /* may be NULL */
	void *progress_data;
	/* The file of a budget that is kept over runs (oboro ledger create), from
	 * which oboro_run and oboro_state_finish pay; NULL: this run only. A struct
	 * that ends before this member is accepted. */
	const char *ledger;
} oboro_options;

#define OBORO_OPTIONS_INIT {sizeof(oboro_options), 0, 0, NULL, NULL, NULL, NULL, NULL}

typedef struct oboro_release oboro_release; /* what a run has made */
typedef struct oboro_state oboro_state;     /* partial state of one statistics release */

/* The interface version that the library serves, and the library's version. */
int32_t oboro_abi_version(void);
const char *oboro_version(void); /* static text */

/* Gives back a message and resets the code. */
void oboro_error_clear(oboro_error *e);

/* Gives back text or bytes that a function has handed out. NULL is fine. */
void oboro_free(void *p);

/* Explains what would be done, claimed and spent, reading no row. schema (its
 * caller's to release) may be NULL: then what the policy alone tells is
 * checked. format is "text", for people, or "json": an object with title, unit
 * (null where every row is one), releases (name and kind of each) and text. */
int32_t oboro_plan(const char *policy, struct ArrowSchema *schema, const char *format, const oboro_options *options, char **text, oboro_error *e);

/* Runs every release of the policy over a table. The table's batches are not
 * copied; they may be held until the release is freed. */
int32_t oboro_run(const char *policy, struct ArrowArrayStream *table, const oboro_options *options, oboro_release **out, oboro_error *e);

/* The number of tables, and the name of table i, text of the handle's. NULL for an i outside. */
int64_t oboro_release_count(const oboro_release *r);
const char *oboro_release_name(const oboro_release *r, int64_t i);

/* Fills table with a stream of a released table. May be called again. */
int32_t oboro_release_table(oboro_release *r, const char *name, struct ArrowArrayStream *table, oboro_error *e);

/* The report in a format: "json", "markdown" or "html". */
int32_t oboro_release_report(oboro_release *r, const char *format, char **text, oboro_error *e);

/* Writes the release folder: tables as "parquet", "csv" or "ipc", report and
 * policy. It appears as a whole, after it has been verified, or not at all. An
 * earlier release folder is replaced only if replace is not 0. */
int32_t oboro_release_write(oboro_release *r, const char *dir, const char *format, int32_t replace, const oboro_options *options, oboro_error *e);

void oboro_release_free(oboro_release *r);

/* Re-checks a release folder. text is a JSON document that says for each claim
 * how it was checked. A folder that does not hold gives OBORO_DATA. */
int32_t oboro_verify(const char *dir, const oboro_options *options, char **text, oboro_error *e);

/* Partial states: one statistics release, computed on many machines.
 *
 * Whoever coordinates draws a key, makes one state per part of the table with
 * that key, and has each part filled where its rows are. All rows of one unit
 * must be in one part where the release names a time cell; otherwise any split
 * will do. States travel as bytes, are merged in any order, and are finished
 * once: noise is added there and nowhere else. A state holds personal data.
 */
#define OBORO_KEY_BYTES 16

int32_t oboro_key_new(uint8_t key[OBORO_KEY_BYTES], oboro_error *e);
int32_t oboro_state_new(const char *policy, const char *release, struct ArrowSchema *schema, const uint8_t key[OBORO_KEY_BYTES],
                        const oboro_options *options, oboro_state **out, oboro_error *e);
int32_t oboro_state_update(oboro_state *s, struct ArrowArrayStream *table, oboro_error *e);
int32_t oboro_state_merge(oboro_state *s, const void *bytes, size_t size, oboro_error *e);
int32_t oboro_state_serialise(oboro_state *s, void **bytes, size_t *size, oboro_error *e);
int32_t oboro_state_finalise(oboro_state *s, oboro_release **out, oboro_error *e); /* s can't be used again, only freed */
void oboro_state_free(oboro_state *s);

/* For tests: handles that are alive, and bytes of C memory handed out and not
 * given back. */
int64_t oboro_live_handles(void);
int64_t oboro_live_bytes(void);

#ifdef __cplusplus
}
#endif
#endif
