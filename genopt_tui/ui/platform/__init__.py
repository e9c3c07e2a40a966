"""What differs between terminals and desktops: clipboard, editor, notifications, crash reports."""
