/*
 * CANARY: does cron fire here? One line of our own, outside of the managed block, is in the
 * crontab until cron has run it, or for 70 s at most.
 *
 *     intent (a file) --> [act: the line is added] --> cron writes the other file, or does not
 *                     --> [act: the line is removed] --> no intent, answer
 *
 * Invariants
 *   - While the line may be in the crontab, the intent is in the state directory (J2).
 *   - The crontab is edited in acts alone (agent/acts/act.h): a canary never meets another edit
 *     halfway.
 *   - Without the line every byte is as it was. Its hash is another one meanwhile: a move that was
 *     planned on the other text is refused as changed, and has to be run again.
 *
 * Refused with mode = observe; where all entries are managed (a line of ours would be a job that is
 * on); on a node that is fenced, held or being promoted.
 */
#pragma once

#include "agent/jobs/job.h"

extern const struct job_kind canary_job;
