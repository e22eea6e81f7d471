"""Images a second of img2dataset over a list of URLs.

    crawl_img2dataset.py URLS OUTPUT_FOLDER [THREADS] [RETRIES] [TIMEOUT_S]

URLS has a URL a line. At its fastest: two processes of THREADS / 2 (32) threads, files, no resize, no re-encoding, no
hash. Prints one JSON line. Without RETRIES it fails when a picture is missing.
"""
import glob
import json
import os
import subprocess
import sys
import time

list_file, output = sys.argv[1:3]
threads, retries, timeout = (int(x) for x in (sys.argv[3:] + ['32', '0', '10'][len(sys.argv) - 3:]))
with open(list_file) as lines:
    wanted = len(lines.read().split())
command = [os.path.join(os.path.dirname(sys.executable), 'img2dataset'), '--url_list', list_file,
           '--output_folder', output, '--output_format', 'files', '--processes_count', '2',
           '--thread_count', str(threads // 2), '--resize_mode', 'no', '--disable_all_reencoding', 'True',
           '--number_sample_per_shard', str(-(-wanted // 2)), '--compute_hash', 'None', '--retries', str(retries),
           '--timeout', str(timeout)]
begun = time.perf_counter()
subprocess.run(command, check=True, stdout=sys.stderr)
seconds = time.perf_counter() - begun
got = len(glob.glob(output + '/*/*.jpg'))
if got != wanted and not retries:
    sys.exit('img2dataset fetched %d of %d' % (got, wanted))
print(json.dumps({'images_per_second': round(got / seconds), 'images': got, 'wanted': wanted,
                  'seconds': round(seconds, 1)}))
