# Runs as the scientist when a JupyterLab or Code Editor app starts: within five minutes, and without internet.
#
# ISTHMUS (the platform's command, a zip), EXPERIMENTS (the bucket) and PLATFORM (its name) are set above.
# Nothing here keeps an app from starting: what fails is said in the app's log.
set -u
home="${HOME}/.isthmus"
python="$(command -v python)"

install_isthmus() {
    rm -rf "${home}/lib" && mkdir -p "${home}/lib" &&
        aws s3 cp --quiet "${ISTHMUS}" "${home}/isthmus.zip" &&
        "${python}" -m zipfile -e "${home}/isthmus.zip" "${home}/lib" &&
        echo "${home}/lib" > "$("${python}" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/isthmus.pth" &&
        printf '#!/bin/sh\nexec "%s" -m isthmus "$@"\n' "${python}" > "$(dirname "${python}")/isthmus" &&
        chmod +x "$(dirname "${python}")/isthmus"
}

# The session is one of the role <platform>-<team>-scientist.
team() {
    aws sts get-caller-identity --query Arn --output text |
        sed -n "s|.*:assumed-role/${PLATFORM}-\(.*\)-scientist/.*|\1|p"
}

# The team keeps wheels in its folder of the bucket, and a requirements.txt that names them.
install_team_tools() {
    aws s3 sync --quiet --delete "s3://${EXPERIMENTS}/$(team)/tools/" "${home}/team" || return
    [ ! -f "${home}/team/requirements.txt" ] ||
        "${python}" -m pip install --quiet --no-index --find-links "${home}/team" \
            -r "${home}/team/requirements.txt"
}

install_isthmus || echo "isthmus could not be installed from ${ISTHMUS}" >&2
install_team_tools || echo "the team's tools could not be installed from s3://${EXPERIMENTS}" >&2
