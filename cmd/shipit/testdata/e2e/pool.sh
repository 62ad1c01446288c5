#!/bin/sh
# pool in|out: tells nobody, but writes down what it would have told.
echo "$1" >>"${0%/*}/../pool.log"
