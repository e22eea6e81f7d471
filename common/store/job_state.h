// What a job's state means.
#pragma once

#include "mannequin/v1/job.pb.h"

namespace mannequin {

// Nothing more becomes of it.
inline bool HasEnded(v1::JobState state) {
  return state == v1::JOB_STATE_SUCCEEDED || state == v1::JOB_STATE_FAILED || state == v1::JOB_STATE_CANCELLED;
}

}  // namespace mannequin
